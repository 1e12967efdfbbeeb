"""Files of other types, known by their first bytes."""

import re

from importexport import errors

#: First bytes → file type. A CSV header cannot start with any of them by accident.
SIGNATURES = {
    b"PK\x05\x06": "a ZIP archive",
    b"%PDF-": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!\x1a": "a RAR archive",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"{\\rtf": "an RTF document",
}
#: Many programs call a web page, or XML of Excel 2003, an Excel file: ``report.xls``.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:(\?xml)|!doctype|html|table)", re.IGNORECASE)
_WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)

#: First bytes of archives and Office documents, which may be workbooks; their contents show whether they are.
CONTAINERS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def is_workbook(head: bytes) -> bool:
    """Whether a file may be a workbook, by its first bytes."""
    return head.startswith(CONTAINERS)


def check_kind(head: bytes) -> None:
    """Raise NotCsv if the first bytes of a file (16 are enough) are those of another file type."""
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise errors.NotCsv(kind)
    if _WEBP.match(head):
        raise errors.NotCsv("an image")
    if markup := _MARKUP.match(head):
        raise errors.NotCsv("an XML document" if markup[1] else "a web page")
