"""Formats for the United Kingdom."""
