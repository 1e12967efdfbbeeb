"""What commands print: tables for people, JSON for programs."""

import datetime as dt
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from crm.management.base import quiet_pipe, shown


def add_json_argument(parser: ArgumentParser, text: str = "print a JSON array") -> None:
    """Add ``--json`` to a parser."""
    parser.add_argument("--json", action="store_true", help=text)


def print_json(value: Any) -> None:
    """Print a value as JSON; the names of members are those of the API."""
    # Characters that another encoding lacks must be escaped as in JSON, not as in Python.
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    print_lines([json.dumps(value, indent=2, ensure_ascii=not is_utf8)])


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, out: Any = None) -> None:
    """Print rows below their headings, in columns."""
    lines = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print_lines(("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines), out=out)


def print_lines(lines: Iterable[str], *, out: Any = None) -> None:
    """Print lines to a file, or stdout; the reader may take only the first ones (``… | head``)."""
    out = out or sys.stdout
    with quiet_pipe():
        for line in lines:
            out.write(f"{shown(line, on=out)}\n")


def minute(moment: dt.datetime | None) -> str:
    """Return a time in UTC, to the minute, or "-"."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}Z" if moment else "-"
