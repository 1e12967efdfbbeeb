"""The admin's pages for files: Import and Export buttons, and the imports."""

from importexport.admin import import_runs, record_admins

__all__ = ["import_runs", "record_admins"]
