"""Formats for Germany."""
