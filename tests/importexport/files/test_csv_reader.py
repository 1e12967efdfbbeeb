"""What a whole file may be, and what it may not."""

import codecs
import gzip
import io
import random
import unicodedata

import pytest

from crm.models import Company, Contact
from importexport import errors, services
from importexport.files import csv_reader, opening
from importexport.files.text import lines
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.api import zipped

MARK = codecs.BOM_UTF8.decode()
GOOD = "first_name,last_name,email\r\nAda,Lovelace,ada@example.com\r\n"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_delimiter_line_end_and_mark(api, mark, end, delimiter):
    content = mark + GOOD.replace("\r\n", end).replace(",", delimiter).encode()
    assert api.import_csv("contacts", content)["imported"] == 1
    assert api.rows("contacts")[0]["first_name"] == "Ada"


def test_marks_stand_where_files_were_joined(api):
    first, second = f"{MARK}{MARK}name,notes\nAcme,a\n", f'{MARK}"Glo,bex","one\n{MARK}two"\n'
    api.import_csv("companies", first + second + MARK)
    assert [(row["name"], row["notes"]) for row in api.rows("companies")] == [
        ("Acme", "a"),
        ("Glo,bex", f"one\n{MARK}two"),
    ]


def test_the_last_line_needs_no_end(api):
    assert api.import_csv("companies", "name\nAcme")["imported"] == 1


def test_other_delimiters_inside_cells_are_text(api):
    api.import_csv("companies", 'name;city;notes\nAcme, Inc.;"Ber;lin";a\tb\n')
    company = Company.objects.get()
    assert (company.name, company.city, company.notes) == ("Acme, Inc.", "Ber;lin", "a\tb")


def test_quoting_of_rfc_4180(api):
    api.import_csv("companies", 'name,notes\n"Acme ""the best""","line one\nline two, still"\n5" pipes,a "b" c\n')
    assert list(Company.objects.values_list("name", "notes")) == [
        ('Acme "the best"', "line one\nline two, still"),
        ('5" pipes', 'a "b" c'),
    ]


def test_headers_match_whatever_their_case_spaces_and_order(api):
    api.import_csv("contacts", "E-Mail,LAST NAME,first-name, Postal_Code \nada@example.com,Lovelace,Ada,007\n")
    assert api.rows("contacts") == [
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.com",
            "postal_code": "007",
            "lifecycle_stage": "lead",
        }
    ]


def test_unknown_columns_are_ignored_and_named(api):
    response = api.post_file("companies", "name,Shoe size,Größe,Shoe size,a%b,,import_error\nAcme,44,,45,,,x\n")
    assert response.status_code == 200
    assert response["X-Import-Ignored-Columns"] == "Shoe size,Gr%C3%B6%C3%9Fe,a%25b"


def test_ignored_columns_are_cut_to_a_kilobyte(api):
    names = [f"column {i}" for i in range(5000)]
    response = api.post_file("companies", f"name,{','.join(names)}\nAcme\n")
    listed = response["X-Import-Ignored-Columns"]
    assert 1000 < len(listed) <= 1024
    assert listed.split(",") == names[: len(listed.split(","))]


def test_no_header_of_ignored_columns_where_there_are_none(api):
    assert "X-Import-Ignored-Columns" not in api.post_file("companies", "name\nAcme\n")


def test_a_header_alone_is_an_import_of_nothing(api):
    assert api.import_csv("companies", "name\n") == {"totalRows": 0, "imported": 0, "skipped": 0, "errors": []}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file has no header: row 1 must name the columns."),
        (b" , ,\n\"\",\n\xe2\x80\x8b\n", "The file has no header: row 1 must name the columns."),
        (b"sep=;\n\n", "The file has no header: row 1 must name the columns."),
        (codecs.BOM_UTF8, "The file has no header: row 1 must name the columns."),
        (b"name" + 5002 * b",", "The header has more than 5000 columns."),
        (b'"na\nme' + b'"' + 5002 * b",", "The header has more than 5000 columns."),
        (GOOD.encode() + b"Z\xfcrich,B,c@example.com\n", "The file is not UTF-8: row 3 has bytes that are no UTF-8. Save it as CSV (UTF-8)."),
        ("last_name,fïrst_name\n".encode("latin-1"), "The file is not UTF-8: row 1 has bytes that are no UTF-8. Save it as CSV (UTF-8)."),
        (GOOD.encode() + b'"a\nb",\xff,c\n', "The file is not UTF-8: row 3 has bytes that are no UTF-8. Save it as CSV (UTF-8)."),
        (GOOD.encode() + "ü".encode()[:1], "The file is not UTF-8: row 3 has bytes that are no UTF-8. Save it as CSV (UTF-8)."),
        (codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le"), str(errors.other_encoding("UTF-16"))),
        (codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"), str(errors.other_encoding("UTF-16"))),
        (codecs.BOM_UTF32_LE + GOOD.encode("utf-32-le"), str(errors.other_encoding("UTF-32"))),
        (codecs.BOM_UTF32_BE + GOOD.encode("utf-32-be"), str(errors.other_encoding("UTF-32"))),
        (GOOD.encode("utf-16-le"), "The file is not UTF-8: row 1 looks like UTF-16. Save it as CSV (UTF-8)."),
        (GOOD.encode("utf-16-be"), "The file is not UTF-8: row 1 looks like UTF-16. Save it as CSV (UTF-8)."),
        (GOOD.encode() + b'A,"B,c@example.com\n\n', str(errors.broken_quoting(3))),
        (GOOD.encode() + b'A,"B"x,c@example.com\n', str(errors.broken_quoting(3))),
        (b'first_name,"last_name,email\nA,B,C\n', str(errors.broken_quoting(1))),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_fails_as_a_whole(api, content, detail):
    assert api.failure("contacts", content) == (400, detail)
    assert not Contact.objects.exists()


def test_nothing_is_stored_when_a_late_row_breaks_the_file(api):
    rows = "".join(f"A,B,c{i}@example.com\n" for i in range(5000))
    assert api.failure("contacts", f'first_name,last_name,email\n{rows}A,"B') == (400, str(errors.broken_quoting(5002)))
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "content",
    [zipped(GOOD), gzip.compress(GOOD.encode()), b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a",
     b"RIFF\0\0\0\0WEBPVP8 ", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
    ids=["zip", "gzip", "pdf", "png", "jpeg", "gif", "webp", "xls"],
)  # fmt: skip
def test_a_file_of_another_kind_is_415(api, content):
    status, detail = api.failure("contacts", content)
    assert status == 415
    assert "not CSV" in detail


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("<html><body><table>", "a web page"),
        ("\ufeff\r\n<!DOCTYPE html>", "a web page"),
        ("<TABLE border=1>", "a web page"),
        ('<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "an XML document"),
    ],
)
def test_a_web_page_that_is_called_an_excel_file_is_415(api, start, kind):
    status, detail = api.failure("contacts", f"{start}<tr><td>first_name</td></tr>")
    assert (status, detail) == (415, f"The file is {kind}, not CSV. Save it as CSV (UTF-8) and import that.")


def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_413(api, settings):
    settings.RALLY_IMPORT_MAX_BYTES = 10 * 1024 * 1024
    head = b"name,nothing\nAcme,"
    filler = b"x" * (10 * 1024 * 1024 - len(head))
    assert api.import_csv("companies", head + filler)["imported"] == 1
    assert api.failure("companies", head + filler + b"x")[0] == 413


def test_five_thousand_columns(api):
    header = ",".join(f"c{i}" for i in range(5000))
    row = ",".join("x" for _ in range(5000))
    assert api.import_csv("companies", f"name,{header}\n" + f"Acme,{row}\n" * 200)["skipped"] == 199


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_an_error_and_never_more(api, seed):
    chance = random.Random(seed)
    content = bytes(chance.randrange(256) for _ in range(5000))
    for prefix in (b"", b"name\n", b'name\n"'):
        response = api.post_file("companies", prefix + content)
        assert response.status_code in {200, 400, 415}


def test_a_record_beyond_bounds_fails_the_file_without_reading_on():
    class Endless(io.RawIOBase):
        """A file whose quoted cell never ends."""

        taken = 0

        def read(self, size=-1):
            self.taken += size
            return b'name\n"' + b"x" * (size - 6) if self.taken == size else b"x" * size

    source = Endless()
    with pytest.raises(errors.FileError, match="Row 2 is longer than"):
        read_all(source)
    assert source.taken < 2 * csv_reader.RECORD_LIMIT


def read_all(file):
    columns = RESOURCES["companies"].column_names()
    return [batch.numbers for batch in opening.read_table(file, columns=columns, required=["name"]).batches()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_chunks_may_end_anywhere(monkeypatch, size, tenant):
    monkeypatch.setattr(lines, "CHUNK", size)
    content = codecs.BOM_UTF8 + 'name,notes\r\n"Zürich\r\n東京",é\r\nB,\r\n'.encode()
    assert (
        services.import_file(
            ImportRun(tenant=tenant, entity="companies", channel="shell"), io.BytesIO(content)
        ).imported
        == 2
    )
    assert list(Company.objects.values_list("name", "notes")) == [("Zürich\n東京", "é"), ("B", "")]


@pytest.mark.parametrize("column", ["city", "notes", "tags"])
def test_endless_combining_marks_are_rejected_in_bounded_time(api, column):
    content = f"name,{column}\nAcme,e" + "\u0316\u0301" * 500_000 + "\n"
    assert api.errors("companies", content) == [f"Row 2: Invalid character in '{column}'"]


def test_a_reference_of_endless_combining_marks_is_not_found(api):
    cell = "e" + "\u0316\u0301" * 500_000
    assert api.errors("contacts", f"first_name,last_name,email,company_name\nA,B,c@example.com,{cell}\n") == [
        f"Row 2: Company '{unicodedata.normalize('NFC', cell[:400])[:100]}' not found"
    ]


def test_a_long_text_with_marks_is_normalised(api):
    api.import_csv("companies", "name,notes\nAcme," + "e\u0301" * 2000 + "\n")
    assert Company.objects.get().notes == "é" * 2000
