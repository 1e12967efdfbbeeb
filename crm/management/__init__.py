"""The commands of manage.py that concern tenants and keys."""
