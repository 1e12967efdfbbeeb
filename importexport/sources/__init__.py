"""What other programs write: their headers and values (data), recognising a program, and reading its files as ours."""
