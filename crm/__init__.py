"""CRM records: tenants and the data they own. Nothing here knows about files or HTTP."""
