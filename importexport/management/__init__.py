"""The commands of manage.py that import and export."""
