"""Import runs, from upload to retention, and background work."""
