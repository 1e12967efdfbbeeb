"""The admin's pages for files: Import and Export buttons, imports, keys."""

from importexport.admin import entities, keys, runs

__all__ = ["entities", "keys", "runs"]
