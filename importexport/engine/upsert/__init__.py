"""Updates of existing records: ``importer`` reads a batch, ``finder`` finds its records, ``writer`` merges them."""
