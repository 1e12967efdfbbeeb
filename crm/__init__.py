"""The records of the CRM: tenants and what they own. Nothing here knows of files or HTTP."""
