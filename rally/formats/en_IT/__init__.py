"""Formats for Italy."""
