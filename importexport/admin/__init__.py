"""The admin's pages for files: Import and Export buttons, imports, keys."""

from importexport.admin import keys, runs

__all__ = ["keys", "runs"]
