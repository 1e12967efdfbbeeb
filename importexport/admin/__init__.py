"""Admin pages for imports and exports: the Import and Export buttons of the records, and the import runs."""

from importexport.admin import import_runs, record_admins

__all__ = ["import_runs", "record_admins"]
