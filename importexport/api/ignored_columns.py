"""The response headers of imports: X-Import-Ignored-Columns, X-Import-Warnings and X-Import-Reading."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from importexport.engine.report import Report

IGNORED_COLUMNS_LIMIT = 1024


def headers_of(report: Report) -> dict[str, str]:
    """Return the headers for a report: always the number of warnings, and the ignored columns if there are any."""
    named = {"X-Import-Ignored-Columns": listed_names(report.ignored_columns)} if report.ignored_columns else {}
    return named | warnings_header(report.warning_count)


def warnings_header(count: int) -> dict[str, str]:
    """Return the header with a number of warnings."""
    return {"X-Import-Warnings": str(count)}


def reading_header(reading: Mapping[str, Any]) -> dict[str, str]:
    """Return the header with what another program's file was read as: ``source=hubspot; encoding=utf-8; dates=dmy``."""
    told = [f"{name}={quote(reading[name], safe=' ')}" for name in TOLD if reading.get(name)]
    return {"X-Import-Reading": "; ".join(told)} if told else {}


#: What the header X-Import-Reading tells of a reading.
TOLD = ("source", "export", "encoding", "sheet", "dates", "decimal")


def listed_names(names: list[str]) -> str:
    """Return names as a comma-separated list of at most 1 kB; ``,``, ``%`` and non-ASCII characters are escaped.

    Only whole names are included, except that a first name which is too long by itself is cut.
    """
    listed = ""
    for name in names:
        longer = f"{listed},{escape(name)}" if listed else beginning(name)
        if len(longer) > IGNORED_COLUMNS_LIMIT:
            break
        listed = longer
    return listed


def beginning(name: str) -> str:
    """Return as much of a name as fits into the header, escaped."""
    ends = accumulate(len(escape(character)) for character in name)
    return escape(name[: sum(end <= IGNORED_COLUMNS_LIMIT for end in ends)])


def escape(name: str) -> str:
    """Return a name as it appears in the header."""
    return quote(name, safe=SAFE)


SAFE = " !\"#$&'()*+/:;<=>?@[\\]^`{|}~"
