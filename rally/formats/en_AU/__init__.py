"""Formats for Australia."""
