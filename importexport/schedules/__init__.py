"""Schedules: imports from addresses and exports to them, at times that a cron expression tells."""
