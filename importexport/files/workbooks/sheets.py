"""Which sheet of a workbook is meant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from importexport import errors
from importexport.files.csv_reader import is_blank

#: The number of a row and its cells.
Row = tuple[int, list[str]]


@dataclass
class Sheet:
    """A sheet: its name, and where the workbook has it."""

    name: str
    is_hidden: bool
    part: str
    #: The ranges of merged cells; known when its rows have been read.
    merged: list[str] = field(default_factory=list)


class Workbook(Protocol):
    """A workbook of any format."""

    sheets: list[Sheet]
    #: How much of a sheet has been read, from 0 to 1.
    progress: float

    def rows(self, sheet: Sheet) -> Iterator[list[Row]]:
        """Yield the filled rows of a sheet, some at a time."""


def choose(workbook: Workbook, name: str) -> Sheet:
    """Return the sheet of that name, or the only visible one with rows; raise FileError if it is not clear."""
    if name:
        return named(workbook.sheets, name)
    visible = [sheet for sheet in workbook.sheets if not sheet.is_hidden] or workbook.sheets
    filled = [sheet for sheet in visible if has_rows(workbook, sheet)] if len(visible) > 1 else visible
    if len(filled) > 1:
        raise errors.several_sheets([sheet.name for sheet in filled])
    if not visible:
        raise errors.damaged_workbook()
    return [*filled, *visible][0]


def named(sheets: Sequence[Sheet], name: str) -> Sheet:
    """Return the sheet of a name, in any case; raise FileError if there is none."""
    folded = name.strip().casefold()
    for sheet in sheets:
        if sheet.name.strip().casefold() == folded:
            return sheet
    raise errors.unknown_sheet(name, [sheet.name for sheet in sheets])


def has_rows(workbook: Workbook, sheet: Sheet) -> bool:
    """Whether a sheet has a filled row."""
    try:
        return any(not is_blank(cells) for rows in workbook.rows(sheet) for _number, cells in rows)
    except errors.FileError as error:
        if error.code == "formula_without_value":
            return True
        raise
