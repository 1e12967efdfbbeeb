"""Formats for Poland."""
