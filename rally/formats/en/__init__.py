"""Formats of the pages in English."""
