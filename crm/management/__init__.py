"""The shell's door to the records."""
