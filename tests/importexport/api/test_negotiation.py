"""The Accept header."""

import pytest

from importexport.api.negotiation import accepts
from tests.importexport.api.wire import CONTACTS, EXPORT, IMPORT, TEMPLATE, form


@pytest.mark.parametrize(
    "header",
    [
        "", "*/*", "text/*", "text/csv", "TEXT/CSV", "text/csv; charset=utf-8", "application/json, text/csv;q=0.1",
        "text/csv;q=0.001", "*/*;q=0, text/csv", "text/*;q=0,text/csv", "nonsense", ";;;,,", "text", "text/csv;q=yes",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "image/png, nonsense, */*",
        "application/problem+json", "Application/Problem+JSON;q=0.5", "application/problem+json;q=0",
        "application/octet-stream", "application/octet-stream;q=0.1", "application/json, application/octet-stream",
        "application/problem+json, application/octet-stream", "application/problem+json, text/csv",
        "application/octet-stream, */*;q=0", "application/octet-stream;q=0, */*", "application/problem+json, */*",
    ],
)  # fmt: skip
def test_takes_csv(header):
    assert accepts(header, "text/csv")


@pytest.mark.parametrize(
    "header",
    [
        "image/png", "text/csv;q=0", "text/csv;q=0, */*", "text/csv; q=0.000", "text/*;q=0, */*", "*/*;q=0",
        "application/json", "text/html, application/xhtml+xml", "csv/text", "image/png, nonsense",
        "application/json, application/problem+json", "text/csv;q=0, application/octet-stream",
        "text/*;q=0, application/octet-stream", "application/octet-stream;q=0", "application/problem+json, */*;q=0",
        "application/*",
    ],
)  # fmt: skip
def test_takes_no_csv(header):
    assert not accepts(header, "text/csv")


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("path", "media_type"), [(TEMPLATE, "text/csv"), (EXPORT, "text/csv"), (f"{EXPORT}/excel", XLSX)]
)
def test_a_download_has_one_type(api, key, path, media_type):
    assert api.request("GET", path, key=key, headers={"Accept": media_type}).status == 200
    rejected = api.request("GET", path, key=key, headers={"Accept": "application/json"})
    assert rejected.status == 406
    assert media_type in rejected.detail


def test_an_import_that_may_not_answer_in_json_stores_nothing(api, key, account):
    assert api.upload(IMPORT, form(CONTACTS), key=key, headers={"Accept": "text/csv"}).status == 406
    assert account.count() == 0


@pytest.mark.parametrize(
    "header",
    ["application/problem+json", "application/octet-stream", "application/problem+json, application/octet-stream"],
)
def test_the_header_of_a_generated_client_excludes_nothing(api, key, header):
    accept = {"Accept": header}
    for path, media_type in (
        (TEMPLATE, "text/csv; charset=utf-8"),
        (EXPORT, "text/csv; charset=utf-8"),
        (f"{EXPORT}/excel", XLSX),
    ):
        answer = api.request("GET", path, key=key, headers=accept)
        assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    imported = api.upload(IMPORT, form(CONTACTS), key=key, headers=accept)
    assert (imported.status, imported.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("header", ["text/html", "text/html, application/problem+json", "application/xml"])
def test_json_is_not_given_to_those_who_take_none(api, account, key, header):
    assert api.request("GET", "/api/v1/importexport/imports", key=key, headers={"Accept": header}).status == 406
    assert api.upload(IMPORT, form(CONTACTS), key=key, headers={"Accept": header}).status == 406
    assert account.count() == 0


@pytest.mark.parametrize(
    "header", ["application/json", "text/csv", "application/json, text/csv, application/problem+json"]
)
def test_rows_that_are_asked_for_as_csv_are_csv_for_clients_of_both_formats(api, key, header):
    api.upload(IMPORT, form(CONTACTS), key=key)
    run = api.request("GET", "/api/v1/importexport/imports", key=key).json["results"][0]["id"]
    rows = f"/api/v1/importexport/imports/{run}/rows?format=csv"
    answer = api.request("GET", rows, key=key, headers={"Accept": header})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert api.request("GET", rows, key=key, headers={"Accept": "text/html"}).status == 406
