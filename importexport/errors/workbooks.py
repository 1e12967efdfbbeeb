"""Workbooks that cannot be read."""

from collections.abc import Iterable

from importexport.errors.files import FileError, Question
from importexport.errors.wording import echo, listed

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


def long_row(row: int, limit: int) -> FileError:
    """Return the error of a row with more text than a record may have; no quote is missing in a workbook."""
    return FileError("endless_record", f"Row {row} is longer than {limit} bytes.")


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


MORE_REJECTED_THAN_ROWS = "There are more rejected rows than a sheet has rows: take CSV."


def more_rejected_than_rows() -> FileError:
    """Return the error of an import whose rejected rows were to go into a workbook."""
    return FileError("more_rejected_than_rows", f"{MORE_REJECTED_THAN_ROWS} Nothing was stored.")


def cut_for_a_cell(limit: int) -> str:
    """Return the note of a rejected cell that is too long for a workbook."""
    return f"Only the first {limit} characters fit into a cell. Take the rejected rows as CSV to have all of them."
