"""Formats for Ireland."""
