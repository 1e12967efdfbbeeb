"""The admin's pages for files: Import and Export buttons, imports, keys."""

from importexport.admin import keys

__all__ = ["keys"]
