"""The way of a row out: which records and columns (``selection``), as a stream (``streams``), in others' words."""
