"""The API: keys, limits, uploads and answers over HTTP. Everything else is asked of services and runs."""
