"""Warnings: what they are about is stored as it is, or left out, but somebody should look at it."""

from collections.abc import Sequence

from importexport.errors.rows import RowError
from importexport.errors.wording import echo

#: How many ranges of merged cells a message names.
RANGES_SHOWN = 5
#: What times that are all midnight mean.
LOST_TIMES = "the file has probably lost the time of day"
#: Code → what it is about, for the documentation.
WARNINGS = {
    "garbled": "UTF-8 that was read as Windows-1252, such as `JÃ¼rgen`",
    "lost_character": "a text with U+FFFD, which stands for a character that was lost before the import",
    "scientific": "a phone number, postal code or external id in scientific form, such as `4.47912E+11`",
    "email_domain": "an e-mail address whose domain looks like a typing error, such as `gmial.com`",
    "ignored_column": "a column that is unknown or has no counterpart here, and has values",
    "midnight": "a column whose times are all `00:00:00Z`",
    "merged_cells": "merged cells of a workbook, of which only the first one has the value",
    "second_value": "a second e-mail address or phone number, for which a record has no room",
    "translated": "a value of another program for which ours has a wider word, such as `Bad Fit` → `lead`",
    "other_currency": "a currency sign beside an amount that is not the deal's, such as `£` where it is `USD`",
    "left_blank": "an optional cell that cannot be read and is left blank, under `invalid=blank`",
}


class RowWarning(RowError):
    """A message about a cell that is stored as it is, or about a column that is not; it is no error of a row."""

    __slots__ = ()


def garbled(column: str, word: str, meant: str) -> RowWarning:
    return RowWarning(
        "garbled",
        f"'{echo(word)}' in '{column}' looks garbled and was probably '{echo(meant)}': the file was saved with the"
        " wrong encoding",
    )


def lost_character(column: str, word: str) -> RowWarning:
    return RowWarning(
        "lost_character",
        f"'{echo(word)}' in '{column}' has lost a character: the file itself has '\ufffd' in its place",
    )


def scientific(column: str, value: str) -> RowWarning:
    return RowWarning(
        "scientific", f"'{echo(value)}' in '{column}' was shortened by a spreadsheet: its last digits are probably lost"
    )


def email_domain(column: str, domain: str, meant: str) -> RowWarning:
    return RowWarning(
        "email_domain", f"'{echo(domain)}' in '{column}' looks like a typing error: did you mean '{meant}'?"
    )


def second_value(column: str, value: str, header: str = "") -> RowWarning:
    """Return the warning about a value for which a record has no room; ``header`` is where it stands, if elsewhere."""
    where = f"'{echo(value)}' in '{echo(header)}'" if header else f"'{echo(value)}'"
    return RowWarning("second_value", f"{where} is not imported: '{column}' has another value already")


def translated(value: str, header: str, meant: str) -> RowWarning:
    """Return the warning about a value of another program that is stored as one of ours which says less."""
    return RowWarning("translated", f"'{echo(value)}' in '{echo(header)}' is stored as '{meant}'")


def other_currency(mark: str, header: str, currency: str) -> RowWarning:
    """Return the warning about the sign of a currency beside an amount that is stored in another one."""
    return RowWarning(
        "other_currency", f"'{mark}' in '{echo(header)}' is not imported: the currency of the deal is {echo(currency)}"
    )


def left_blank(column: str, error: RowError) -> RowWarning:
    """Return the warning about an optional cell that is left blank because it cannot be read."""
    return RowWarning("left_blank", f"'{column}' is left blank: {error}")


def merged_cells(ranges: Sequence[str]) -> RowWarning:
    """Return the warning about the ranges of a sheet whose cells are merged."""
    listed = ", ".join(ranges[:RANGES_SHOWN]) + (", …" if len(ranges) > RANGES_SHOWN else "")
    return RowWarning(
        "merged_cells",
        f"The sheet has merged cells ({listed}): the first cell of each has the value, the others are blank",
    )


def midnights(column: str, count: int, *, is_day_before: bool = False) -> RowWarning:
    """Return the warning about a column whose times are all midnight; if it is one of dates, ``is_day_before``."""
    why = "in the tenant's time zone, that is the day before" if is_day_before else LOST_TIMES
    return RowWarning("midnight", f"All {count} times in '{column}' are 00:00:00Z: {why}")


def ignored_column(name: str, filled: int, *, is_known: bool = False) -> RowWarning:
    """Return the warning about a column that is ignored; all those without a name share one, under the name "".

    ``is_known`` if it is a column of another program that we have no place for.
    """
    cells = "1 filled cell, which is" if filled == 1 else f"{filled} filled cells, which are"
    why = "has no counterpart here" if is_known else "is unknown"
    subject = f"The column '{echo(name)}' {why}: it has" if name else "There are columns without a header: they have"
    return RowWarning("ignored_column", f"{subject} {cells} not imported")
