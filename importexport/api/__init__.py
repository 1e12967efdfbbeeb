"""The HTTP API: keys, limits, uploads and responses. Everything else is left to services and runs."""
