"""Formats for the Netherlands."""
