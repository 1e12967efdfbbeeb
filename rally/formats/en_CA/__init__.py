"""Formats for Canada."""
