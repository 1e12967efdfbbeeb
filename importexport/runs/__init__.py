"""The life cycle of import runs, their background work, and retention."""
