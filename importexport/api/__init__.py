"""The HTTP door: keys, limits, uploads and answers. Everything else is the service's."""
