"""XLS and ODS, and XLSX as LibreOffice writes it: the same records in the three formats."""

from pathlib import Path

import pytest

from importexport import errors
from tests.importexport.files.workbooks.reading import rows_of
from tests.support.workbooks import zipped

FIXTURES = Path(__file__).parent / "fixtures"
HEADER = (
    ["first_name", "number", "text number", "percent", "date", "moment", "utc", "time", "duration", "flag", "error", "formula", "words"]
)  # fmt: skip
FILEPASS, INTERFACE = b"\x2f\x00", b"\xe1\x00\x02\x00\xb0\x04"


@pytest.mark.parametrize("format", ["xlsx", "xls", "ods"])
def test_every_format_gives_the_same_cells(format):
    yes, no = ("1", "0") if format == "ods" else ("true", "false")
    assert rows_of((FIXTURES / f"libreoffice.{format}").read_bytes()) == {
        1: HEADER,
        2: [
            "Ada", "1067", "01067", "25%", "2025-06-15", "2025-06-15T14:30:00", "2025-06-15T14:30:00Z", "14:30:00",
            "36:00:00", yes, "", "2134", "one\ntwo  three",
        ],
        4: [
            "Zoë", "1234.5", "=1+1", "150%", "1900-03-01", "1999-12-31T23:59:59", "2025-01-01T00:00:00Z", "00:00:00",
            "00:01:00", no, "", "", "'quoted",
        ],
        5: ["Err", "-0.1", "#N/A", "", "", "", "", "", "", "", "#DIV/0!", "#N/A", "tab\there"],
        7: ["merged", *[""] * 12],
    }  # fmt: skip


@pytest.mark.parametrize("format", ["xlsx", "xls", "ods"])
def test_a_hidden_sheet_can_be_named(format):
    assert rows_of((FIXTURES / f"libreoffice.{format}").read_bytes(), sheet="Lists") == {1: ["a list"]}


def test_encrypted_workbooks():
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    xls = (FIXTURES / "libreoffice.xls").read_bytes()
    assert INTERFACE in xls
    ods = zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest:encryption-data/>",
            "content.xml": b"\x8f\x01",
        }
    )
    for content in (
        container + "EncryptedPackage".encode("utf-16-le"),
        xls.replace(INTERFACE, FILEPASS + INTERFACE[2:], 1),
        ods,
    ):
        with pytest.raises(errors.FileError, match="protected by a password"):
            rows_of(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped({"word/document.xml": "<document/>"}), "a ZIP archive"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Office document"),
    ],
)
def test_other_files_are_no_workbooks(content, kind):
    with pytest.raises(errors.NotCsv, match=f"The file is {kind}, not CSV"):
        rows_of(content)
