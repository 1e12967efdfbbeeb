"""The admin's pages for files: Import and Export buttons, imports, keys."""
