"""Formats for Switzerland."""
