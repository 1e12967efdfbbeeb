"""A spreadsheet, as far as it matters what it shows and saves as CSV."""

import csv
import datetime as dt
import io
import re

import openpyxl

#: What a number format has: literal text, or a part of a date or time. Minutes are the "mm" after hours.
_PARTS = re.compile(r'"(?P<text>[^"]*)"|yyyy|(?<=hh:)mm|mm|dd|hh|ss|\.000')


def shown(cell):
    """Return what a cell of openpyxl shows, by its number format."""
    if cell.value is None:
        return ""
    if isinstance(cell.value, dt.datetime):
        return _PARTS.sub(lambda part: _shown_part(part, cell.value), cell.number_format)
    return f"{cell.value:.2f}" if cell.number_format == "0.00" else str(cell.value)


def _shown_part(part, moment):
    if part["text"] is not None:
        return part["text"]
    is_minutes = part[0] == "mm" and part.string[: part.start()].endswith("hh:")
    return {
        "yyyy": f"{moment.year:04}",
        "mm": f"{moment.minute if is_minutes else moment.month:02}",
        "dd": f"{moment.day:02}",
        "hh": f"{moment.hour:02}",
        "ss": f"{moment.second:02}",
        ".000": f".{moment.microsecond // 1_000:03}",
    }[part[0]]


def saved_as_csv(workbook):
    """Return the CSV file that a spreadsheet saves of a workbook: every cell as it is shown."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([shown(cell) for cell in row] for row in openpyxl.load_workbook(workbook).active.rows)
    return text.getvalue()
