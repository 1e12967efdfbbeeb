"""Formats for France."""
