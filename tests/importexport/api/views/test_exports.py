"""What an export can be asked for over the wire: columns, filters, gzip in the stream, HEAD."""

import csv
import http.client
import io
import zlib

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from importexport.http.downloads import NO_TURN
from tests.importexport.api.wire import EXPORT, IMPORT, form
from tests.support.api import Api, problem
from tests.support.openapi import description, resolved

GZIP = {"Accept-Encoding": "gzip"}


# --- parameters ------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tenant):
    """A program with a key, without a server."""
    return Api(tenant)


def test_a_workbook_has_the_columns_and_records_asked_for(programs):
    programs.import_csv("companies", "name,country,employee_count\nAcme,DE,7\nGlobex,FR,8\n")
    response = programs.get("companies/export/excel?columns=employee_count,name,id,updated_at&country=de")
    sheet = openpyxl.load_workbook(io.BytesIO(response.getvalue())).active
    (header, row) = sheet.iter_rows(values_only=True)
    assert header == ("employee_count", "name", "id", "updated_at")
    assert row[:2] == (7, "Acme")
    assert isinstance(row[2], int)
    # A workbook has no microseconds, so a time with them is the text that a CSV file has.
    assert row[3] == programs.get("companies/export?columns=updated_at&country=de").getvalue().decode().split()[1]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("shoe=1", "Unknown query parameter 'shoe'."),
        ("activity_type=call", "Unknown query parameter 'activity_type'."),
        ("columns=name,name", "The column 'name' is given more than once."),
        ("country=DE&country=FR", "The query parameter 'country' is given more than once."),
        (
            "updated_since=1/2/2025",
            "Unknown updated_since '1/2/2025'. Expected date and time, ISO 8601: 2025-06-15T14:30:00Z.",
        ),
    ],
)
@pytest.mark.parametrize("what", ["export", "export/excel"])
def test_what_cannot_be_asked_for_is_400(programs, what, query, detail):
    assert problem(programs.get(f"companies/{what}?{query}")) == (400, detail)


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("what", ["export", "template"])
def test_a_csv_file_begins_with_a_mark_if_that_is_asked_for(programs, what):
    plain, marked, unmarked = (
        programs.get(f"companies/{what}{query}").getvalue() for query in ("", "?bom=true", "?bom=false")
    )
    assert marked == MARK + plain
    assert unmarked == plain
    assert problem(programs.get(f"companies/{what}?bom=yes")) == (
        400,
        "Unknown bom 'yes'. Expected one of: true, false.",
    )


def test_columns_can_come_one_by_one(programs):
    """As generated clients send lists that are described as separated by commas."""
    together = programs.get("companies/export?columns=name,domain").getvalue()
    assert programs.get("companies/export?columns=name&columns=domain").getvalue() == together
    assert together.startswith(b"name,domain\r\n")


def test_a_workbook_has_no_mark_to_ask_for(programs):
    assert problem(programs.get("companies/export/excel?bom=true")) == (400, "Unknown query parameter 'bom'.")


def test_the_description_has_the_filters_of_each_entity():
    operation = description()["paths"]["/api/v1/importexport/activities/export"]["get"]
    parameters = [resolved(each) for each in operation["parameters"]]
    assert [one["name"] for one in parameters] == [
        "columns",
        "headers",
        "updated_since",
        "activity_type",
        "status",
        "priority",
        "contact_email",
        "company_name",
        "deal_name",
        "bom",
    ]
    assert resolved(parameters[3]["schema"])["enum"] == ["call", "meeting", "task", "email", "note"]


@pytest.mark.parametrize("what", ["export", "export/excel", "export?country=DE&columns=id"])
def test_head_asks_the_database_for_no_record(programs, what):
    programs.import_csv("companies", "name\nAcme\n")
    path = f"/api/v1/importexport/companies/{what}"
    with CaptureQueriesContext(
        connection,
    ) as asked:
        response = programs.client.head(path)
    assert response.status_code == 200
    assert not [query["sql"] for query in asked if "crm_company" in query["sql"]]


def test_head_of_a_runs_files_makes_nothing(programs):
    programs.import_csv("contacts", "first_name,last_name,email\nA,B,x\n")
    from importexport.models import ImportRun

    run = ImportRun.objects.get()
    for what in ("rejected", "rows?format=csv"):
        with CaptureQueriesContext(connection) as asked:
            response = programs.client.head(f"/api/v1/importexport/imports/{run.pk}/{what}")
        assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert not [query["sql"] for query in asked if "skippedrow" in query["sql"]]


# --- too many at once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["contacts/export", "contacts/export/excel", "imports/{run}/rejected", "imports/{run}/rows?format=csv"]
)
def test_a_file_for_which_there_is_no_place_is_503(programs, path):
    programs.import_csv("contacts", "first_name,last_name,email\nA,B,x\n")
    [run] = programs.look("imports")["results"]
    asked = f"/api/v1/importexport/{path.format(run=run['id'])}"
    response = programs.client.get(asked, **{NO_TURN: True})
    assert problem(response) == (
        503,
        "Too many files are being downloaded at this moment. Try again in a few seconds.",
    )
    assert (response["Retry-After"], response["Cache-Control"]) == ("5", "no-store")
    assert programs.client.get(asked, **{NO_TURN: False}).getvalue()


@pytest.mark.parametrize("path", ["contacts/template", "imports"])
def test_what_is_no_file_is_not_refused(programs, path):
    assert programs.client.get(f"/api/v1/importexport/{path}", **{NO_TURN: True}).status_code == 200


# --- gzip, by a real server --------------------------------------------------------------------------------------


def filled(api, key, rows):
    lines = "".join(f"Ada,Lovelace,{n}@example.com,note {n}\n" for n in range(rows))
    assert api.upload(IMPORT, form(f"first_name,last_name,email,notes\n{lines}".encode()), key=key).status == 200


def unpacked(body):
    return zlib.decompress(body, wbits=16 + zlib.MAX_WBITS)


def test_an_export_is_the_same_as_gzip(api, key):
    filled(api, key, 3000)
    plain, packed = api.request("GET", EXPORT, key=key), api.request("GET", EXPORT, key=key, headers=GZIP)
    assert unpacked(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 3
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Content-Encoding"] is None
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    assert len(list(csv.reader(unpacked(packed.body).decode().splitlines()))) == 3001


def test_what_has_arrived_of_a_packed_export_can_be_read_before_the_rest_is_made(api, key):
    filled(api, key, 60_000)
    client = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=60)
    client.request("GET", EXPORT, headers={"X-Api-Key": key} | GZIP)
    answer = client.getresponse()
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    first = unpack.decompress(answer.read1(100))
    assert first.startswith(b"first_name,last_name,email")
    rest = unpack.decompress(answer.read())
    assert unpack.eof
    assert (first + rest).count(b"\r\n") == 60_001


def test_a_workbook_is_never_packed_again(api, key):
    answer = api.request("GET", f"{EXPORT}/excel", key=key, headers=GZIP)
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == (None, None)
    assert answer.body.startswith(b"PK")


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_head_has_the_headers_of_a_get(api, key, headers):
    path = f"{EXPORT}?columns=email&lifecycle_stage=lead"
    got, asked = (api.request(method, path, key=key, headers=headers) for method in ("GET", "HEAD"))
    assert (got.status, asked.status, asked.body) == (200, 200, b"")
    changing = {"Date", "X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    # Known only when the body is made (RFC 9110, section 9.3.2).
    changing |= {"Transfer-Encoding"}
    same = lambda answer: {name: value for name, value in answer.headers.items() if name not in changing}  # noqa: E731
    assert same(asked) == same(got)
