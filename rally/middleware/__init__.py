"""Middleware for all requests and for pages."""
