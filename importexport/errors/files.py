"""Errors of the whole file: nothing is stored."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from importexport.errors.wording import echo, listed


class Question(NamedTuple):
    """What a caller can say about a file that leaves something open: the ``option`` that says it, and its ``values``.

    ``headers`` are those of the file, and ``columns`` those of ours, that it is about.
    """

    option: str
    values: Sequence[str] = ()
    headers: Sequence[str] = ()
    columns: Sequence[str] = ()


class FileError(Exception):
    """A file that cannot be imported: a ``code``, a message for the user, and the ``question`` if there is one.

    ``examples`` are cells that show what the question is about.
    """

    def __init__(
        self, code: str, sentence: str, question: Question | None = None, *, examples: Sequence[str] = ()
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.question = question
        self.examples = examples


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


class NoRoom(FileError):
    """As much is kept of a tenant's imports as may be, in bytes."""

    def __init__(self, limit: int) -> None:
        sentence = (
            f"Your imports keep more than the limit of {limit} bytes: uploads, rejected rows and changes."
            " Discard plans that are not needed, or wait until older imports are purged."
        )
        super().__init__("no_room", sentence)


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
