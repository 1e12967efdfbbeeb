"""The history of imports: recording runs and row logs, checking plans, corrections, undo."""
