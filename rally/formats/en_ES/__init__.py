"""Formats for Spain."""
