"""Formats for India."""
