"""Formula marks: a leading apostrophe stops a spreadsheet from evaluating a cell (OWASP: CSV injection)."""

import re
from collections.abc import Sequence

#: What spreadsheets write into a cell whose formula has failed, and read as such again, whatever its case.
ERROR_VALUES = (
    "#N/A", "#N/D", "#NV", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"
)  # fmt: skip
_ERROR = "|".join(map(re.escape, ERROR_VALUES))
_EVALUATED = rf"(?:[=+\-@\t\r]|(?ai:{_ERROR})\Z)"
_DANGEROUS = re.compile(f"'*+{_EVALUATED}")
_MARKED = re.compile(f"'++{_EVALUATED}")
_IS_ERROR = re.compile(f"(?ai:{_ERROR})")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")
_PHONE = re.compile(r"\+[ ().-]*+[0-9][0-9 ().-]*+\Z")
#: How programs keep a spreadsheet from reading a text as a number: a formula that is nothing but the text.
_TEXT_FORM = re.compile(r'="((?:[^"]|"")*+)"')

#: ``mark`` in SQL for a text expression ``{0}``. Blanks become NULL, which COPY writes as an empty cell.
#: Comparisons of bytes come first, because they spare almost all cells the regular expressions: nothing is marked that
#: begins with a letter or a digit, or with any character after "@" in Unicode.
MARK_SQL = (
    "CASE WHEN {0} COLLATE \"C\" >= 'A' THEN {0} WHEN {0} = '' THEN NULL"
    " WHEN {0} COLLATE \"C\" BETWEEN '0' AND '<' THEN {0}"
    " WHEN left({0}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r', '''', '#')"
    " AND ({0} ~ '^''*[=+@\\t\\r-]' OR upper(ltrim({0}, '''') COLLATE \"C\") IN ("
    + ", ".join(f"'{value}'" for value in ERROR_VALUES)
    + ")) AND {0} !~ '^[+-]?[0-9]+(\\.[0-9]+)?$'"
    " AND {0} !~ '^\\+[ ().-]*[0-9][0-9 ().-]*$' THEN '''' || {0} ELSE {0} END"
)


def is_error_value(text: str) -> bool:
    """Whether a trimmed cell is an error value of a spreadsheet. Marked as text (``'#N/A``), it is none."""
    return text[:1] == "#" and _IS_ERROR.fullmatch(text) is not None


def mark(text: str) -> str:
    """Return a text cell as a CSV file that leaves the product has it.

    ``=1+1`` → ``'=1+1``, ``'=x`` → ``''=x``, ``#N/A`` → ``'#N/A``; ``-5``, ``+49 30 1234`` and ``O'Neil`` stay as they
    are.
    """
    if _DANGEROUS.match(text) and not _NUMBER.match(text) and not _PHONE.match(text):
        return "'" + text
    return text


def unmark(text: str) -> str:
    """Return the text that a cell of a file stands for: without a mark, or out of a spreadsheet's text form.

    ``'=1+1`` → ``=1+1``, ``="01067"`` → ``01067``. A marked cell is literal: ``'="01067"`` → ``="01067"``.
    """
    if text[:1] not in ("'", "="):
        return text
    if _MARKED.match(text):
        return text[1:]
    if form := _TEXT_FORM.fullmatch(text):
        return form[1].replace('""', '"')
    return text


def unmark_column(values: Sequence[str]) -> Sequence[str]:
    """Return ``unmark`` of every value. A column without marks and text forms is returned as it is."""
    joined = "\0".join(values)
    if "'" not in joined and "=" not in joined:  # To look for one character is fastest.
        return values
    if not joined.startswith(("'", '="')) and "\0'" not in joined and '\0="' not in joined:
        return values
    return [unmark(value) for value in values]
