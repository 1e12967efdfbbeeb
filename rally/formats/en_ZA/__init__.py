"""Formats for South Africa."""
