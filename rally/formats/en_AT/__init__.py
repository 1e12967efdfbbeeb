"""Formats for Austria."""
