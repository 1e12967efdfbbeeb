"""Exports and templates over the wire, and what happens to them when somebody goes away."""

import io
import time
import zipfile

import pytest

from tests.importexport.api.wire import CONTACTS, EXPORT, IMPORT, TEMPLATE, Api, form
from tests.support.waiting import wait_until

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def fill(api, key, rows):
    """Store contacts."""
    lines = [f"Ada,Lovelace,{n}@example.com,{'x' * 200}\n" for n in range(rows)]
    table = "first_name,last_name,email,notes\n" + "".join(lines)
    assert api.upload(IMPORT, form(table.encode()), key=key).json["imported"] == rows


@pytest.mark.parametrize("entity", ["contacts", "companies", "deals", "activities"])
def test_downloads_are_attachments(api, key, entity):
    path = f"/api/v1/importexport/{entity}"
    for what, media_type, filename in (
        ("export", CSV, f"{entity}.csv"),
        ("export/excel", XLSX, f"{entity}.xlsx"),
        ("template", CSV, f"{entity}_template.csv"),
    ):
        answer = api.request("GET", f"{path}/{what}", key=key)
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{filename}"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_template_is_the_header_row(api, key):
    header = (
        "first_name,last_name,email,phone,mobile,title,department,company_name,address,city,state,country,postal_code,"
        "lifecycle_stage,lead_source,tags,notes\r\n"
    )
    assert api.request("GET", TEMPLATE, key=key).body == header.encode()


def test_an_import_comes_out_again(api, key):
    api.upload(IMPORT, form(CONTACTS), key=key)
    assert api.request("GET", EXPORT, key=key).body.endswith(
        b"\r\nAda,Lovelace,ada@example.com" + b"," * 11 + b"lead,,,\r\n"
    )
    with zipfile.ZipFile(io.BytesIO(api.request("GET", f"{EXPORT}/excel", key=key).body)) as book:
        assert book.testzip() is None


@pytest.mark.parametrize("path", [EXPORT, f"{EXPORT}/excel"])
def test_an_export_is_streamed_in_chunks(api, key, path):
    answer = api.request("GET", path, key=key)
    assert (answer.headers["Transfer-Encoding"], answer.headers["Content-Length"]) == ("chunked", None)


@pytest.mark.parametrize("path", [EXPORT, f"{EXPORT}/excel"])
def test_head_says_what_an_export_would_be(api, key, path):
    got, asked = api.request("GET", path, key=key), api.request("HEAD", path, key=key)
    assert (asked.status, asked.body) == (200, b"")
    for name in ("Content-Type", "Content-Disposition"):
        assert asked.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", [EXPORT, f"{EXPORT}/excel"])
def test_a_client_that_goes_away_frees_the_connection(start_server, account, key, path):
    api = Api(start_server(over=account.server))
    fill(api, key, 40_000)
    with api.open() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    copying = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%%' AND state <> 'idle' AND datname = current_database()"
    wait_until(lambda: account.sql(copying) == 0, "the export has let go of its connection")
    assert api.request("GET", TEMPLATE, key=key).status == 200
    assert "Traceback" not in api.server.log_text()


def test_a_long_export_holds_up_nobody_else(api, key):
    fill(api, key, 20_000)
    with api.open() as connection:
        connection.sendall(f"GET {EXPORT} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n".encode())
        time.sleep(0.2)
        assert api.request("GET", TEMPLATE, key=key).status == 200


# --- the database goes away ----------------------------------------------------------------------------------


def hang_up(account):
    account.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_broke_is_replaced(api, account, key):
    assert api.request("GET", TEMPLATE, key=key).status == 200
    hang_up(account)
    for _ in range(20):
        assert api.request("GET", TEMPLATE, key=key).status == 200


def test_without_a_database_every_answer_is_503_until_it_is_back(start_server, new_installation, run_sql):
    from tests.importexport.api.conftest import Account

    api = Api(start_server(over=new_installation()))
    account = Account(api.server, "acme")
    key = account.add_key()
    name = account.sql("SELECT current_database()")
    run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    run_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for path in (TEMPLATE, EXPORT):
        answer = api.request("GET", path, key=key)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert answer.headers["Retry-After"]
    run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert api.request("GET", TEMPLATE, key=key).status == 200
