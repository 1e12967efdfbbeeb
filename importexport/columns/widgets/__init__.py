"""Widgets, one per kind of cell: ``clean`` parses a cell, ``render`` formats it, ``clean_column`` parses a column fast.

Cells are already *prepared* (see columns.cells.prepare): without formula mark, trimmed, with LF line endings, in NFC.
Widgets return the text that PostgreSQL's COPY reads, with None for NULL.
"""

from importexport.columns.widgets.base import Cell, Cleaned, spread
from importexport.columns.widgets.choices import ActivityStatus, Choice, Currency
from importexport.columns.widgets.moments import Day, Moment, in_zone, parse_moment
from importexport.columns.widgets.numbers import Amount, StageProbability, Whole
from importexport.columns.widgets.texts import Email, Tags, Text, has_forbidden, is_storable

__all__ = [
    "ActivityStatus",
    "Amount",
    "Cell",
    "Choice",
    "Cleaned",
    "Currency",
    "Day",
    "Email",
    "Moment",
    "StageProbability",
    "Tags",
    "Text",
    "Whole",
    "has_forbidden",
    "in_zone",
    "is_storable",
    "parse_moment",
    "spread",
]
