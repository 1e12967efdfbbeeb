"""Formats for Sweden."""
