"""Help for the columns of a file, generated from the resources."""

from collections.abc import Sequence
from typing import NamedTuple

from importexport.admin.labels import for_staff
from importexport.columns.fields import Column
from importexport.columns.widgets import Choice
from importexport.engine.examples import example_row
from importexport.engine.resource import EntityResource

#: The maximum number of allowed values to list.
LISTED = 12


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
