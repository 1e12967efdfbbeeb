"""All messages about errors in files and rows. No other module contains any."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Self

ECHO_LIMIT = 100


def echo(value: str) -> str:
    """Return a value as quoted in messages: its first 100 characters."""
    return value[:ECHO_LIMIT]


#: The error of a run that ended because of a bug.
BUG = "Something went wrong on our side. Nothing was stored."
#: The error of a run whose process was stopped, or lost the database.
INTERRUPTED = "The import was interrupted before its end. Nothing was stored."


# --- temporary conditions -----------------------------------------------------------------------------------


def busy(entity: str, name: str) -> str:
    """Return the message about a running import that blocks another; ``name`` is its id, or ""."""
    return f"Another import of {entity} is running{f': {name}' if name else ''}. Try again later."


RECORDS_BUSY = "Somebody else is changing the same records at this moment. Try again later."
RUN_BUSY = "This import is being carried out at this moment. Try again later."


# --- errors in a row: follow "Row N: " and are joined with "; " -----------------------------------------------


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


def external_id_not_found(kind: str, value: str) -> RowError:
    return RowError("not_found", f"{kind} with external_id '{echo(value)}' not found")


def stage_not_found(value: str, pipeline: str) -> RowError:
    return RowError("not_found", f"Stage '{echo(value)}' not found in pipeline '{echo(pipeline)}'")


def is_new(kind: str, value: str) -> str:
    """Return the message about a record that is created because a row names it."""
    return f"{kind} '{echo(value)}' is new"


def counted(count: int, noun: str) -> str:
    """Return a number with a noun that forms its plural with an s: ``1 row``, ``2 rows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def did_you_mean(sentence: str, names: list[str]) -> str:
    """Return a message about a name with suggestions."""
    listed = " or ".join(f"'{echo(name)}'" for name in names)
    return f"{sentence} (did you mean {listed}?)"


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


def too_many_cells(expected: int, found: int) -> RowError:
    return RowError("cells", f"Expected {expected} columns, found {found}")


# --- warnings: what they are about is stored as it is, or left out, but somebody should look at it ---------------


#: Code → what it is about, for the documentation.
WARNINGS = {
    "garbled": "UTF-8 that was read as Windows-1252, such as `JÃ¼rgen`",
    "lost_character": "a text with U+FFFD, which stands for a character that was lost before the import",
    "scientific": "a phone number or postal code in scientific form, such as `4.47912E+11`",
    "email_domain": "an e-mail address whose domain looks like a typing error, such as `gmial.com`",
    "ignored_column": "a column that is unknown or has no counterpart here, and has values",
    "midnight": "a column whose times are all `00:00:00Z`",
    "second_value": "a second e-mail address or phone number, for which a record has no room",
    "translated": "a value of another program for which ours has a wider word, such as `Bad Fit` → `lead`",
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


def left_blank(column: str, error: RowError) -> RowWarning:
    """Return the warning about an optional cell that is left blank because it cannot be read."""
    return RowWarning("left_blank", f"'{column}' is left blank: {error}")


def midnights(column: str, count: int) -> RowWarning:
    """Return the warning about a column whose times are all midnight."""
    return RowWarning(
        "midnight", f"All {count} times in '{column}' are 00:00:00Z: the file has probably lost the time of day"
    )


def ignored_column(name: str, filled: int, *, is_known: bool = False) -> RowWarning:
    """Return the warning about a column that is ignored; all those without a name share one, under the name "".

    ``is_known`` if it is a column of another program that we have no place for.
    """
    cells = "1 filled cell, which is" if filled == 1 else f"{filled} filled cells, which are"
    why = "has no counterpart here" if is_known else "is unknown"
    subject = f"The column '{echo(name)}' {why}: it has" if name else "There are columns without a header: they have"
    return RowWarning("ignored_column", f"{subject} {cells} not imported")


# --- errors of the whole file: nothing is stored ------------------------------------------------------------


class Question(NamedTuple):
    """What a caller can say about a file that leaves something open: the ``option`` that says it, and its ``values``.

    ``headers`` are those of the file, and ``columns`` those of ours, that it is about.
    """

    option: str
    values: Sequence[str] = ()
    headers: Sequence[str] = ()
    columns: Sequence[str] = ()


class FileError(Exception):
    """A file that cannot be imported: a ``code``, a message for the user, and the ``question`` if there is one."""

    def __init__(self, code: str, sentence: str, question: Question | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.question = question


#: Called with an error that is a question, by what reads a file: raises it, or collects it so that it is read on.
Ask = Callable[[FileError], None]


def raise_it(error: FileError) -> None:
    """Raise an error."""
    raise error


class NotCsv(FileError):
    """A file of another type: an archive, a workbook, an image."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__("not_csv", f"The file is {kind}, not CSV. Save it as CSV (UTF-8) and import that.")


class TooLarge(FileError):
    """A file over the size limit of its channel, in bytes."""

    def __init__(self, limit: int) -> None:
        sentence = f"The file is larger than the limit of {limit} bytes. Split it, or use the command line."
        super().__init__("file_too_large", sentence)


def empty_file() -> FileError:
    return FileError("empty_file", "The file is empty.")


def no_header() -> FileError:
    return FileError("no_header", "The file has no header: row 1 must name the columns.")


def too_many_columns(limit: int) -> FileError:
    return FileError("too_many_columns", f"The header has more than {limit} columns.")


def missing_columns(names: Iterable[str], found: str = "") -> FileError:
    """Return the error of a header without required columns; ``found`` says what it has (see columns_found)."""
    columns = list(names)
    listed = [f"'{name}'" for name in columns]
    start = f"Required column{'s' if len(listed) > 1 else ''} {', '.join(listed)} missing from the header."
    return FileError("missing_column", f"{start} {found}".rstrip(), Question("mapping", columns=columns))


def repeated_column(name: str, found: str = "") -> FileError:
    """Return the error of a header that has a column twice; ``found`` says what it has (see columns_found)."""
    return FileError("repeated_column", f"Column '{name}' is repeated in the header. {found}".rstrip())


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
#: The maximum size in bytes of the names listed in an error.
LISTED_LIMIT = 600


def columns_found(row: int, names: list[str], delimiter: str) -> str:
    """Return the sentence about the columns that a header names, as many as are short enough."""
    separated = f", separated by {SEPARATORS[delimiter]}" if delimiter else ""
    return f"Row {row} has {listed(names)}{separated}."


def one_cell(row: int, name: str, idle: str = "") -> str:
    """Return the sentence about a header that is a single cell; ``idle``: a delimiter in it that separates nothing."""
    if not idle:
        return f"Row {row} is a single cell, '{echo(name)}', where commas, semicolons or tabs would separate columns."
    return (
        f"Row {row} is a single cell, '{echo(name)}': its {SEPARATORS[idle]} separate nothing, because the row as a"
        " whole is in quotation marks, or a sep= line above it names another separator."
    )


def meant_for(cell: str, column: str) -> str:
    """Return the sentence about a column of the file that is probably a missing one."""
    return f"'{echo(cell)}' may be meant for '{column}'."


OTHER_SEPARATOR = "The file probably uses another separator."


def later_header(row: int) -> str:
    """Return the sentence about a row that looks like the header, further down."""
    return f"Row {row} looks like the header: remove the rows above it."


def not_utf8(row: int) -> FileError:
    return FileError(
        "not_utf8", f"The file is not UTF-8: row {row} has bytes that are no UTF-8. Save it as CSV (UTF-8)."
    )


def utf16(row: int) -> FileError:
    return FileError("not_utf8", f"The file is not UTF-8: row {row} looks like UTF-16. Save it as CSV (UTF-8).")


def other_encoding(name: str) -> FileError:
    """Return the error of a file that begins with the byte-order mark of another encoding."""
    return FileError(
        "not_utf8",
        f"The file is not UTF-8: row 1 begins with the byte-order mark of {name}. Save it as CSV UTF-8 (in Excel:"
        " File, Save As, “CSV UTF-8”).",
    )


def broken_quoting(row: int) -> FileError:
    return FileError(
        "broken_quoting",
        f"Broken quoting in row {row}: a quoted cell never ends, or is followed by something other than"
        " a delimiter or a line end.",
    )


def endless_record(row: int, limit: int) -> FileError:
    return FileError(
        "endless_record", f"Row {row} is longer than {limit} bytes; a closing quote or a line end may be missing."
    )


# --- files of other programs: what the caller has to decide -----------------------------------------------------


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, separated by commas, as many as are short enough."""
    quoted = [f"'{echo(name)}'" for name in names]
    room = LISTED_LIMIT
    for count, name in enumerate(quoted):
        room -= len(name.encode()) + 2
        if room < 0 and count:
            return f"{', '.join(quoted[:count])} and {len(quoted) - count} more"
    return ", ".join(quoted)


def mapping_without_header(missing: list[str], found: list[str]) -> FileError:
    """Return the error of a mapping that names headers which the file lacks."""
    noun = "a header" if len(missing) == 1 else "headers"
    return FileError(
        "mapping_without_header",
        f"The mapping names {noun} that the file does not have: {listed(missing)}. The file has {listed(found)}.",
    )


def two_headers(first: str, second: str, column: str) -> FileError:
    """Return the error of two headers that give the same column."""
    return FileError(
        "two_headers",
        f"The headers '{echo(first)}' and '{echo(second)}' both give '{column}'. Say which one is imported with"
        f' mapping={{"{echo(second)}": null}} or mapping={{"{echo(first)}": null}}.',
        Question("mapping", [without(second), without(first)], headers=[first, second], columns=[column]),
    )


def without(header: str) -> str:
    """Return the mapping that leaves a header out."""
    return json.dumps({header: None}, ensure_ascii=False)


def sources_fit_equally(names: list[str]) -> FileError:
    """Return the error of a file that two programs may have written."""
    return FileError(
        "source_unclear",
        f"The header fits several programs equally: {', '.join(names)}. Say which one wrote the file, for example with"
        f" source={names[0]}.",
        Question("source", names),
    )


def other_entity(program: str, found: str, wanted: str) -> FileError:
    """Return the error of a file that has records of another entity."""
    return FileError(
        "other_entity",
        f"This looks like {program}'s export of {found}, not of {wanted}. Import it as {found}, or say with mapping"
        f" which header is which column of {wanted}.",
        Question("entity", [found]),
    )


def source_without_entity(program: str, entity: str) -> FileError:
    """Return the error of a program whose export of an entity is not known."""
    return FileError(
        "source_without_entity",
        f"{program} has no export of {entity} that is known here. Use source=auto, or say with mapping which header is"
        " which column.",
    )


def wrong_encoding(encoding: str, row: int) -> FileError:
    """Return the error of a file that is not in the encoding that the caller has named."""
    return FileError("not_encoding", f"The file is not {encoding}: about row {row}, it has bytes that are none.")


def maybe_windows_1252(row: int, cells: list[str]) -> FileError:
    """Return the error of a file that is not UTF-8, with some cells as they would read in Windows-1252."""
    return FileError(
        "not_utf8",
        f"The file is not UTF-8: row {row} has bytes that are no UTF-8. In Windows-1252 it reads {listed(cells)}: if"
        " that is right, import it with encoding=windows-1252; else save it as CSV (UTF-8).",
        Question("encoding", ["windows-1252"]),
    )


def dates_undecided(header: str, examples: list[tuple[int, str]], is_contradictory: bool) -> FileError:
    """Return the error of a column of dates whose cells do not prove which comes first, day or month."""
    return FileError(
        "dates_undecided",
        f"In '{echo(header)}', {_both_ways(is_contradictory)} day and month: {at_rows(examples)}. Say with dates=dmy,"
        " dates=mdy or dates=ymd how the file writes its dates.",
        Question("dates", ["dmy", "mdy", "ymd"], headers=[header]),
    )


def decimals_undecided(header: str, examples: list[tuple[int, str]], is_contradictory: bool) -> FileError:
    """Return the error of a column of numbers whose cells do not prove what the decimal separator is."""
    return FileError(
        "decimals_undecided",
        f"In '{echo(header)}', {_both_ways(is_contradictory)} decimal point and comma: {at_rows(examples)}. Say with"
        " decimal=point or decimal=comma how the file writes its numbers.",
        Question("decimal", ["point", "comma"], headers=[header]),
    )


def _both_ways(is_contradictory: bool) -> str:
    return "some cells contradict others about" if is_contradictory else "no cell decides between"


def at_rows(examples: list[tuple[int, str]]) -> str:
    """Return cells with their rows: ``row 2 has '03/04/2025', row 5 has '01/02/2025'``."""
    return ", ".join(f"row {row} has '{echo(cell)}'" for row, cell in examples)


# --- workbooks ---

SAVE_AS_CSV = "Save the sheet as CSV (UTF-8) and import that."


def encrypted_workbook() -> FileError:
    return FileError("encrypted_workbook", "The workbook is protected by a password. Save it without one.")


def damaged_workbook() -> FileError:
    return FileError(
        "damaged_workbook",
        "The workbook is damaged and cannot be read. Open it in a spreadsheet program and save it again.",
    )


def oversized_workbook() -> FileError:
    """Return the error of a workbook that is small, but would take too much memory or time."""
    return FileError("oversized_workbook", f"The workbook is too large once it is unpacked. {SAVE_AS_CSV}")


def formula_without_value(row: int, column: str) -> FileError:
    return FileError(
        "formula_without_value",
        f"The formula in cell {column}{row} has no value: the program that wrote the workbook has not computed it."
        " Open it in a spreadsheet program and save it again.",
    )


def several_sheets(names: Iterable[str]) -> FileError:
    sheets = list(names)
    sentence = f"Several sheets have rows: {listed(sheets)}. Name one as 'sheet'."
    return FileError("several_sheets", sentence, Question("sheet", sheets))


def unknown_sheet(name: str, names: Iterable[str]) -> FileError:
    return FileError("unknown_sheet", f"There is no sheet '{echo(name)}'. The workbook has {listed(names)}.")


def csv_has_no_sheets(name: str) -> FileError:
    return FileError("unknown_sheet", f"There is no sheet '{echo(name)}': the file is CSV.")


def cut_for_a_cell(limit: int) -> str:
    """Return the note of a rejected cell that is too long for a workbook."""
    return f"Only the first {limit} characters fit into a cell. Take the rejected rows as CSV to have all of them."
