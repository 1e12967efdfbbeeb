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
    ],
)  # fmt: skip
def test_takes_csv(header):
    assert accepts(header, "text/csv")


@pytest.mark.parametrize(
    "header",
    [
        "image/png", "text/csv;q=0", "text/csv;q=0, */*", "text/csv; q=0.000", "text/*;q=0, */*", "*/*;q=0",
        "application/json", "text/html, application/xhtml+xml", "csv/text", "image/png, nonsense",
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
