"""The header X-Import-Ignored-Columns."""

from itertools import accumulate
from urllib.parse import quote

from importexport.engine.report import Report

IGNORED_COLUMNS_LIMIT = 1024


def headers_of(report: Report) -> dict[str, str]:
    """Return the headers that belong to a result."""
    if not report.ignored_columns:
        return {}
    return {"X-Import-Ignored-Columns": listed_names(report.ignored_columns)}


def listed_names(names: list[str]) -> str:
    """Return names as a header's list, at most 1 kB of whole ones; ``,``, ``%`` and what is not ASCII is escaped.

    Of a first name that alone is longer, its beginning is given.
    """
    listed = ""
    for name in names:
        longer = f"{listed},{escape(name)}" if listed else beginning(name)
        if len(longer) > IGNORED_COLUMNS_LIMIT:
            break
        listed = longer
    return listed


def beginning(name: str) -> str:
    """Return the longest beginning of a name that fits into the header, escaped."""
    ends = accumulate(len(escape(character)) for character in name)
    return escape(name[: sum(end <= IGNORED_COLUMNS_LIMIT for end in ends)])


def escape(name: str) -> str:
    """Return a name as the header has it."""
    return quote(name, safe=SAFE)


SAFE = " !\"#$&'()*+/:;<=>?@[\\]^`{|}~"
