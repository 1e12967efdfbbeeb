"""What is kept of imports: the run's record and row log, plan checks, repairs, undo."""
