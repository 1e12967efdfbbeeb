"""Encodings of other programs' files: proved by a byte-order mark, said by the caller, or offered; never guessed."""

import json

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.django_db
FILE = "First Name,Last Name,Email\nZoë,Müller,zoe@x.example\nBo,Größe,bo@x.example\n"


@pytest.fixture
def api(tenant):
    return Api(tenant)


def names(api):
    return [(row["first_name"], row["last_name"]) for row in api.rows("contacts")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_proves_the_encoding(api, encoding):
    response = api.post_file("contacts", FILE.encode(encoding), query="source=auto")
    assert json.loads(response.content)["imported"] == 2
    assert names(api) == [("Zoë", "Müller"), ("Bo", "Größe")]
    assert f"encoding={encoding.removesuffix('-sig')}" in response["X-Import-Reading"]


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp1252", "windows-1252"), ("utf-16-le", "utf-16"), ("utf-16-be", "utf-16")]
)
def test_the_caller_says_the_encoding(api, encoding, said):
    assert api.import_csv("contacts", FILE.encode(encoding), f"source=auto&encoding={said}")["imported"] == 2
    assert names(api) == [("Zoë", "Müller"), ("Bo", "Größe")]


def test_windows_1252_is_offered_with_cells_as_they_would_read(api):
    response = api.post_file("contacts", FILE.encode("cp1252"), query="source=auto")
    assert response.status_code == 400
    assert json.loads(response.content)["detail"] == (
        "The file is not UTF-8: row 2 has bytes that are no UTF-8. In Windows-1252 it reads 'Zoë', 'Müller', 'Größe': if"
        " that is right, import it with encoding=windows-1252; else save it as CSV (UTF-8)."
    )
    assert api.rows("contacts") == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_offered(api, encoding):
    response = api.post_file("contacts", FILE.encode(encoding), query="source=auto")
    assert response.status_code == 400
    assert json.loads(response.content)["detail"] == (
        "The file is not UTF-8: row 1 looks like UTF-16. If that is right, import it with encoding=utf-16; else save it as"
        " CSV (UTF-8)."
    )


def test_a_reading_takes_utf_16_for_what_looks_like_it(api):
    response = api.post_file("contacts", FILE.encode("utf-16-le"), to="read", query="source=auto")
    found = json.loads(response.content)
    assert [(question["option"], question["values"]) for question in found["questions"]] == [("encoding", ["utf-16"])]
    assert found["totalRows"] == 2


def test_a_strict_import_offers_nothing(api):
    detail = api.failure("contacts", FILE.replace("First Name", "first_name").encode("cp1252"))[1]
    assert "Windows-1252" not in detail


def test_a_file_that_is_not_in_the_encoding_that_is_said_is_told(api):
    response = api.post_file("contacts", FILE.encode() + b"\x81,\x8d,x\n", query="source=auto&encoding=windows-1252")
    assert response.status_code == 400
    assert (
        json.loads(response.content)["detail"]
        == "The file is not windows-1252: about row 4, it has bytes that windows-1252 does not have."
    )
