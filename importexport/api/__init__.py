"""The HTTP channel: keys, limits, uploads and answers. Everything else is the service's."""
