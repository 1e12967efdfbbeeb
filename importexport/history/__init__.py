"""The history of imports: run records, row logs, plan checks, corrections and undo."""
