"""Django's PostgreSQL backend, of a version we can rely on, and started first where it is the embedded one."""
