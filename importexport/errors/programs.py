"""Files of other programs: what the caller has to decide."""

import json

from importexport.errors.files import FileError, Question
from importexport.errors.wording import echo, listed


def mapping_without_header(missing: list[str], found: list[str]) -> FileError:
    """Return the error of a mapping that names headers which the file lacks."""
    noun = "a header" if len(missing) == 1 else "headers"
    return FileError(
        "mapping_without_header",
        f"The mapping names {noun} that the file does not have: {listed(missing)}. The file has {listed(found)}.",
    )


def two_headers(first: str, second: str, column: str) -> FileError:
    """Return the error of two headers that give the same column."""
    if first == second:
        sentence = (
            f"Two headers are called '{echo(first)}', and both give '{column}'. Rename one of them in the file, or"
            f' leave out both with mapping={{"{echo(first)}": null}}.'
        )
        return FileError(
            "two_headers", sentence, Question("mapping", [without(first)], headers=[first], columns=[column])
        )
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
    return FileError(
        "not_encoding", f"The file is not {encoding}: about row {row}, it has bytes that {encoding} does not have."
    )


def marked_otherwise(encoding: str, marked: str) -> FileError:
    """Return the error of a file whose byte-order mark proves another encoding than the caller has named."""
    return FileError(
        "not_encoding", f"The file is not {encoding}: it begins with the byte-order mark of {marked.upper()}."
    )


def workbook_has_no_encoding() -> FileError:
    """Return the error of an encoding that the caller has named for a workbook."""
    return FileError("not_encoding", "'encoding' says how a CSV file is written, but the file is a workbook.")


def maybe_windows_1252(row: int, cells: list[str]) -> FileError:
    """Return the error of a file that is not UTF-8, with some cells as they would read in Windows-1252."""
    return FileError(
        "not_utf8",
        f"The file is not UTF-8: row {row} has bytes that are no UTF-8. In Windows-1252 it reads {listed(cells)}: if"
        " that is right, import it with encoding=windows-1252; else save it as CSV (UTF-8).",
        Question("encoding", ["windows-1252"]),
        examples=cells,
    )


def maybe_utf16() -> FileError:
    """Return the error of a file that looks like UTF-16, without a byte-order mark that proves it."""
    return FileError(
        "not_utf8",
        "The file is not UTF-8: row 1 looks like UTF-16. If that is right, import it with encoding=utf-16; else save it"
        " as CSV (UTF-8).",
        Question("encoding", ["utf-16"]),
    )


def dates_undecided(header: str, examples: list[tuple[int, str]], is_contradictory: bool) -> FileError:
    """Return the error of a column of dates whose cells do not prove which comes first, day or month."""
    return FileError(
        "dates_undecided",
        f"In '{echo(header)}', {_both_ways(is_contradictory)} day and month: {at_rows(examples)}. Say with dates=dmy,"
        " dates=mdy or dates=ymd how the file writes its dates.",
        Question("dates", ["dmy", "mdy", "ymd"], headers=[header]),
        examples=[cell for _row, cell in examples],
    )


def decimals_undecided(header: str, examples: list[tuple[int, str]], is_contradictory: bool) -> FileError:
    """Return the error of a column of numbers whose cells do not prove what the decimal separator is."""
    return FileError(
        "decimals_undecided",
        f"In '{echo(header)}', {_both_ways(is_contradictory)} decimal point and comma: {at_rows(examples)}. Say with"
        " decimal=point or decimal=comma how the file writes its numbers.",
        Question("decimal", ["point", "comma"], headers=[header]),
        examples=[cell for _row, cell in examples],
    )


def _both_ways(is_contradictory: bool) -> str:
    return "some cells contradict others about" if is_contradictory else "no cell decides between"


def at_rows(examples: list[tuple[int, str]]) -> str:
    """Return cells with their rows: ``row 2 has '03/04/2025', row 5 has '01/02/2025'``."""
    return ", ".join(f"row {row} has '{echo(cell)}'" for row, cell in examples)
