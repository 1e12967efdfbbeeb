"""Help for the columns of a file, generated from the resources, and for cells that are wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from importexport.columns.fields import Column
from importexport.columns.widgets import Choice, Moment, Whole
from importexport.engine.examples import example_row
from importexport.engine.resource import EntityResource
from importexport.errors import for_staff
from importexport.models import ImportRun
from importexport.resources import RESOURCES

#: The maximum number of allowed values to list.
LISTED = 12
#: Error code → what to write, whatever the column: the messages of the contract say only what is wrong.
HINTS = {
    "email": gettext_lazy("Write an address such as ada@example.com."),
    "date": gettext_lazy("Write 2025-06-15."),
    "number": gettext_lazy("Write digits alone, such as 1234.50."),
    "range": gettext_lazy("Write a smaller number, of 0 or more."),
    "spreadsheet_error": gettext_lazy("Write the value that the formula should have had."),
    "character": gettext_lazy("It cannot be seen; type the text again."),
    "cells": gettext_lazy("Look for a separator inside a text that is not in quotes."),
}


class ColumnHelp(NamedTuple):
    """Help for a column. ``blank`` is the value that an empty cell stands for, or "" if it stays empty."""

    name: str
    is_required: bool
    text: str
    example: str
    values: Sequence[str]
    blank: str


def column_help(resource: type[EntityResource]) -> list[ColumnHelp]:
    """Return the help for each column, in template order."""
    examples = example_row(resource)
    return [_help(column, example) for column, example in zip(resource.fields.values(), examples, strict=True)]


def _help(column: Column, example: str) -> ColumnHelp:
    widget = column.widget
    is_choice = isinstance(widget, Choice) and len(widget.values) <= LISTED
    return ColumnHelp(
        name=column.column_name,
        is_required=column.required,
        text="" if is_choice else for_staff(column.help),
        example=example,
        values=widget.values if is_choice else [],
        blank=(widget.blank or "") if is_choice else "",
    )


def expected(run: ImportRun, code: str, column: str) -> str:
    """Return what to write instead of a cell with an error, in a sentence; empty if there is nothing to say."""
    field = RESOURCES[run.entity].accepted.get(column)
    widget = field.widget if field else None
    if code == "choice" and isinstance(widget, Choice) and len(widget.values) <= LISTED:
        return _("Write one of: %(values)s.") % {"values": ", ".join(widget.values)}
    if code == "date" and isinstance(widget, Moment):
        return _("Write 2025-06-15 14:30.")
    if code in {"number", "range"} and isinstance(widget, Whole):
        return _("Write a whole number from 0 to %(largest)s.") % {"largest": widget.largest}
    if code == "number" and run.reading:
        return ""  # How numbers are written is a matter of the file then.
    return str(HINTS.get(code, ""))


def with_hint(sentence: str, hint: str) -> str:
    """Return what is wrong with a cell and what to write instead."""
    return f"{sentence.rstrip('.')}. {hint}" if hint else sentence
