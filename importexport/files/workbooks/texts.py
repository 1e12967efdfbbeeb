"""The text of cells, as a CSV file has it. In a workbook, a text is always just that: no mark, no formula, no error."""

import re

from crm.characters import trim
from importexport import errors
from importexport.files.formula import is_error_value, unmark

_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
#: Characters that XML does not allow, as XLSX has them (ST_Xstring): ``_x000D_``.
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

#: How LibreOffice shows errors that have no name: ``Err:508``.
_ERROR_NUMBER = re.compile("Err:[0-9]{3}")
#: Error values of newer programs are not in the list of those that refuse a row.
OTHER_ERROR = "#VALUE!"


def xml_text(raw: str) -> str:
    """Return the text that XML stands for."""
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    return _REFERENCE.sub(_referenced, raw) if "&" in raw else raw


def _referenced(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    return chr(int(found[1]) if found[1] else int(found[2], 16))


def xlsx_text(raw: str) -> str:
    """Return the text that a string of XLSX, in XML, stands for."""
    text = xml_text(raw)
    return _PAIR.sub(_joined, _ESCAPED.sub(_unescaped, text)) if "_x" in text else text


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def as_csv(text: str) -> str:
    """Return a text cell as a CSV file has it, so that an import reads just that text.

    ``'=1`` → ``''=1``, ``="01067"`` → ``'="01067"``, ``#N/A`` (typed as a text) → ``'#N/A``.
    """
    if text[:1] in ("'", "=") and unmark(text) != text:
        return "'" + text
    if "#" in text[:40] and is_error_value(trimmed := trim(text)):
        return "'" + trimmed
    return text


def boolean(value: str) -> str:
    """Return the text of a cell that is true or false; raise FileError if it is neither."""
    match value.strip().lower():
        case "1" | "true":
            return "true"
        case "0" | "false":
            return "false"
        case _:
            raise errors.damaged_workbook()


def is_error(text: str) -> bool:
    """Whether a cell with a formula shows an error."""
    return is_error_value(text.strip()) or _ERROR_NUMBER.fullmatch(text.strip()) is not None


def error_text(value: str) -> str:
    """Return the text of an error cell."""
    return value if is_error_value(value) else OTHER_ERROR
