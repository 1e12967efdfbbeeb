"""Management commands for tenants and API keys."""
