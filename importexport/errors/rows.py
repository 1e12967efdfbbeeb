"""Errors in a row: they follow "Row N: " and are joined with "; "."""

import re
from collections.abc import Iterable
from typing import Self

from importexport.errors.wording import ECHO_LIMIT, echo


class RowError(str):
    """A message about a cell, with a ``code`` by which errors are grouped and filtered."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """Return the message with its code."""
        error = super().__new__(cls, sentence)
        error.code = code
        return error


#: Code → what is wrong with the cell, or with the row. Programs rely on the codes: they are only ever added to.
CODES = {
    "required": "A required cell is empty",
    "email": "Not an e-mail address",
    "duplicate": "The record exists already, or an earlier row of the file is the same",
    "choice": "Not one of the values that the column can have",
    "not_found": "No record has the name or e-mail address",
    "ambiguous": "More than one record has the name",
    "date": "Not a date, or not a date and time",
    "number": "Not a number",
    "range": "A number outside the column's limits",
    "length": "The text is too long",
    "spreadsheet_error": "An error value of a spreadsheet, such as #N/A",
    "character": "The text has a character that is not allowed",
    "other_kind": "The row is a record of another kind, such as a company in a file of contacts",
    "incomplete": "The row does not say whom it is about; no column is named",
    "cells": "The row has more cells than the header; no column is named",
    "row_length": "The row is too long, and only its beginning was read; no column is named",
    "left_out": "Somebody has left the row out in the preview; no column is named",
}


def at_row(number: int, errors: Iterable[str]) -> str:
    """Return the message for a rejected row."""
    return f"Row {number}: {'; '.join(errors)}"


def required(column: str) -> RowError:
    return RowError("required", f"Required field '{column}' is empty")


def incomplete() -> RowError:
    return RowError("incomplete", "A contact needs a first name, last name, e-mail, phone, mobile or company")


def email(value: str) -> RowError:
    return RowError("email", f"Invalid email format '{echo(value)}'")


def duplicate(kind: str, key: str, value: str) -> RowError:
    return RowError("duplicate", f"Duplicate {kind} with {key} '{echo(value)}'")


def choice(column: str, value: str) -> RowError:
    return RowError("choice", f"Invalid {column} value '{echo(value)}'")


def not_found(kind: str, value: str) -> RowError:
    return RowError("not_found", f"{kind} '{echo(value)}' not found")


def name_not_found(sentence: str) -> str:
    """Return the name that a message of ``not_found`` says is missing; "" if it is cut, or the message is another."""
    found = _NOT_FOUND.fullmatch(sentence)
    return found[1] if found and len(found[1]) < ECHO_LIMIT else ""


_NOT_FOUND = re.compile(r"[A-Z][a-z]+ '(.*)' not found", re.DOTALL)


def external_id_not_found(kind: str, value: str) -> RowError:
    return RowError("not_found", f"{kind} with external_id '{echo(value)}' not found")


def stage_not_found(value: str, pipeline: str) -> RowError:
    return RowError("not_found", f"Stage '{echo(value)}' not found in pipeline '{echo(pipeline)}'")


def is_new(kind: str, value: str) -> str:
    """Return the message about a record that is created because a row names it."""
    return f"{kind} '{echo(value)}' is new"


def ambiguous(kind: str, value: str) -> RowError:
    return RowError("ambiguous", f"{kind} '{echo(value)}' matches more than one record")


def date(column: str) -> RowError:
    return RowError("date", f"Invalid date format in '{column}'")


def number(column: str) -> RowError:
    return RowError("number", f"Invalid number format in '{column}'")


def out_of_range(column: str) -> RowError:
    return RowError("range", f"Value out of range in '{column}'")


def too_long(column: str, limit: int) -> RowError:
    return RowError("length", f"Value too long in '{column}' (maximum {limit} characters)")


def spreadsheet_error(column: str, value: str) -> RowError:
    return RowError("spreadsheet_error", f"Spreadsheet error value '{echo(value)}' in '{column}'")


def character(column: str) -> RowError:
    return RowError("character", f"Invalid character in '{column}'")


def names_nobody(header: str) -> RowError:
    """Return the error of a row whose header for the record's name is blank: a company without a person."""
    return RowError("other_kind", f"The row names nobody: '{echo(header)}' is empty")


def other_kind(kind: str, entity: str) -> RowError:
    """Return the error of a row that is no record of the entity: a company in a list of contacts."""
    return RowError("other_kind", f"The row is of the kind '{echo(kind)}', which is not imported as {entity}")


def row_too_long(limit: int) -> RowError:
    return RowError("row_length", f"Row too long (maximum {limit} bytes)")


def not_kept(count: int) -> str:
    """Return what stands for the messages of rejected rows that are not kept."""
    return f"{count} more rows were rejected, of which nothing is kept"


def left_out(by: str) -> RowError:
    return RowError("left_out", f"Left out by {by}")


def changed_by(names: Iterable[str]) -> str:
    """Return who has changed a row in the preview, for the row log."""
    return f"changed by {', '.join(dict.fromkeys(names))}"


def too_many_cells(expected: int, found: int) -> RowError:
    return RowError("cells", f"Expected {expected} columns, found {found}")
