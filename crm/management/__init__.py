"""The shell's channel to the records."""
