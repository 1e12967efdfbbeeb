"""Formula marks: a leading apostrophe stops a spreadsheet from evaluating a cell (OWASP: CSV injection)."""

import re
from collections.abc import Sequence

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_MARKED = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")
_PHONE = re.compile(r"\+[0-9 ().-]*[0-9][0-9 ().-]*\Z")

#: ``mark`` in SQL for a text expression ``{0}``. Blanks become NULL, which COPY writes as an empty cell.
#: Comparing the first character is cheap and spares almost all cells the regular expressions.
MARK_SQL = (
    "CASE WHEN left({0}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r', '''')"
    " AND {0} ~ '^''*[=+@\\t\\r-]' AND {0} !~ '^[+-]?[0-9]+(\\.[0-9]+)?$'"
    " AND {0} !~ '^\\+[0-9 ().-]*[0-9][0-9 ().-]*$' THEN '''' || {0} ELSE nullif({0}, '') END"
)


def mark(text: str) -> str:
    """Return a text cell as a CSV export writes it.

    ``=1+1`` → ``'=1+1``, ``'=x`` → ``''=x``; ``-5``, ``+49 30 1234`` and ``O'Neil`` stay as they are.
    """
    if _DANGEROUS.match(text) and not _NUMBER.match(text) and not _PHONE.match(text):
        return "'" + text
    return text


def unmark(text: str) -> str:
    """Remove the mark added by an export, if there is one."""
    return text[1:] if _MARKED.match(text) else text


def unmark_column(values: Sequence[str]) -> Sequence[str]:
    """Return ``unmark`` of every value. A column without marks is returned as it is."""
    joined = "\0".join(values)
    if joined[:1] != "'" and "\0'" not in joined:
        return values
    return [unmark(value) for value in values]
