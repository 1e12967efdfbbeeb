"""Django's PostgreSQL backend with a minimum version, and the embedded server."""
