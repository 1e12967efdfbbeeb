"""Management commands for imports and exports."""
