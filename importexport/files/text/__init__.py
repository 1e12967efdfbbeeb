"""Bytes → lines of text: encodings, line ends, and records that are too long."""
