"""Files that are fetched and sent: real servers, in all their moods."""

import base64
import io
import tracemalloc

import pytest

from importexport import errors
from importexport.net import addresses
from importexport.schedules import transfers
from importexport.schedules.addresses import PRIVATE
from importexport.schedules.transfers import TransferFailed, fetched, send
from tests.support.receivers import (
    babble,
    break_off,
    drip,
    end_nowhere,
    flood,
    give,
    hang,
    reset,
    respond,
    stall,
)
from tests.support.s3 import BUCKET

pytestmark = pytest.mark.django_db
CONTENT = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"
BROKEN_OFF = "The connection was closed before the end."


class Asked(Exception):
    """The process has to stop."""


def fetch(address, tenant, check=lambda: None):
    with fetched(address, tenant=tenant, check=check) as file:
        pieces = list(iter(lambda: file.read(10_000), b""))
    return b"".join(pieces)


def put(content, address, tenant, check=lambda: None):
    send(io.BytesIO(content), address, size=len(content), content_type="text/csv", tenant=tenant, check=check)


def failure(call, *args):
    with pytest.raises(TransferFailed) as failed:
        call(*args)
    return str(failed.value)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(transfers, "SILENCE", 0.2)


@pytest.fixture
def name(monkeypatch, settings):
    """A host in a domain that is allowed, with the address of this machine."""
    settings.RALLY_SCHEDULE_HOSTS = [".example.com"]
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["127.0.0.1"])
    return "files.example.com"


# --- https ---


def test_a_file_is_fetched(serve, tenant):
    server = serve(give(CONTENT))
    assert fetch(f"{server.url}?sig=x", tenant).decode() == CONTENT
    (got,) = server.received
    assert (got.method, got.path, got.headers["host"]) == ("GET", "/hook?sig=x", f"127.0.0.1:{server.port}")
    assert "authorization" not in got.headers


def test_user_and_password_are_sent_as_basic_authentication(serve, tenant):
    server = serve(give(CONTENT))
    fetch(server.url.replace("https://", "https://me:pass%20w%C3%B6rd@"), tenant)
    (got,) = server.received
    assert got.headers["authorization"] == f"Basic {base64.b64encode('me:pass wörd'.encode()).decode()}"


def test_a_file_is_sent(serve, tenant):
    server = serve(201)
    put(CONTENT.encode(), server.url, tenant)
    (got,) = server.received
    assert (got.method, got.body.decode(), got.headers["content-type"]) == ("PUT", CONTENT, "text/csv")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (500, "The server answered 500."),
        (404, "The server answered 404."),
        (206, "The server answered 206."),
        (respond(302, Location="https://127.0.0.1/"), "The server answered 302. Redirects are not followed."),
        (reset, BROKEN_OFF),
        (babble, "The answer was not HTTP."),
        (break_off, BROKEN_OFF),
        (end_nowhere, BROKEN_OFF),
    ],
)
def test_what_is_not_a_whole_file_is_an_error(serve, tenant, answer, sentence):
    assert failure(fetch, serve(answer).url, tenant) == sentence


def test_a_redirect_is_not_followed(serve, tenant):
    other = serve(give(CONTENT))
    failure(fetch, serve(respond(302, Location=other.url)).url, tenant)
    assert other.received == []


@pytest.mark.parametrize("silent", [hang, stall])
def test_a_server_that_is_silent_is_left(serve, tenant, impatient, silent):
    assert failure(fetch, serve(silent).url, tenant) == transfers.LATE


def test_a_server_that_does_not_say_whether_it_took_a_file_is_left(serve, tenant, impatient):
    assert failure(put, b"x", serve(hang).url, tenant) == transfers.LATE


def test_a_head_that_comes_in_drops_is_left(serve, tenant, monkeypatch):
    monkeypatch.setattr(transfers, "ANSWERING", 0.3)
    assert failure(fetch, serve(drip).url, tenant) == transfers.LATE


def test_a_transfer_that_takes_too_long_is_left(serve, tenant, settings):
    settings.RALLY_RUN_TIMEOUT = 0.3
    assert failure(fetch, serve(stall).url, tenant) == transfers.LATE


def test_a_file_that_says_that_it_is_too_large_is_not_read(serve, tenant, settings):
    settings.RALLY_IMPORT_MAX_BYTES_ASYNC = 1000
    with pytest.raises(errors.TooLarge):
        fetch(serve(flood).url, tenant)


def test_memory_is_flat(serve, tenant):
    server = serve(flood)
    tracemalloc.start()
    try:
        with fetched(server.url, tenant=tenant, check=lambda: None) as file:
            assert sum(map(len, iter(lambda: file.read(10_000), b""))) == 10_000_000
        # The server, which is in this process, has ten megabytes.
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_a_worker_that_has_to_stop_does_not_wait_for_a_server(serve, tenant):
    server = serve(stall)

    def check():
        if server.received:
            raise Asked

    with pytest.raises(Asked):
        fetch(server.url, tenant, check)


@pytest.mark.parametrize(("status", "is_taken"), [(200, True), (202, True), (204, True), (206, False), (302, False)])
def test_some_statuses_mean_that_a_file_was_taken(serve, tenant, status, is_taken):
    server = serve(status)
    if is_taken:
        put(b"x", server.url, tenant)
    else:
        assert failure(put, b"x", server.url, tenant).startswith(f"The server answered {status}.")


def test_a_certificate_of_nobody_is_refused(serve, tenant, monkeypatch):
    server = serve()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert failure(put, b"x", server.url, tenant).startswith("The certificate is not valid:")
    assert server.received == []


def test_a_host_of_a_domain_that_has_a_private_address_is_refused(serve, tenant, name):
    server = serve(give(CONTENT))
    address = f"https://{name}:{server.port}/a.csv"
    assert failure(fetch, address, tenant) == PRIVATE
    assert server.received == []


def test_a_host_that_is_not_allowed_any_more_is_refused(serve, tenant, settings):
    server = serve(give(CONTENT))
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com"]
    with pytest.raises(TransferFailed) as refused:
        fetch(server.url, tenant)
    assert (str(refused.value)[:29], refused.value.is_final) == ("Schedules do not use this hos", True)


# --- buckets ---


def test_a_file_is_sent_to_a_bucket_and_fetched_from_it(place, tenant):
    address = f"s3://{BUCKET}/acme/in/contacts.csv"
    put(CONTENT.encode(), address, tenant)
    assert place.names() == ["acme/in/contacts.csv"]
    assert fetch(address, tenant).decode() == CONTENT
    assert place.client.head_object(Bucket=BUCKET, Key="acme/in/contacts.csv")["ContentType"] == "text/csv"


def test_the_folder_of_another_tenant_is_refused(place, tenant, other_tenant):
    put(CONTENT.encode(), f"s3://{BUCKET}/globex/in/contacts.csv", other_tenant)
    for call in (fetch, lambda *args: put(b"x", *args)):
        assert failure(call, f"s3://{BUCKET}/globex/in/contacts.csv", tenant).startswith("Schedules do not use this")


def test_a_file_that_is_missing_is_told(place, tenant):
    assert failure(fetch, f"s3://{BUCKET}/acme/in/none.csv", tenant) == "There is no such file."


def test_a_file_in_a_bucket_that_is_too_large_is_not_read(place, tenant, settings):
    put(b"x" * 2000, f"s3://{BUCKET}/acme/in/a.csv", tenant)
    settings.RALLY_IMPORT_MAX_BYTES_ASYNC = 1000
    with pytest.raises(errors.TooLarge):
        fetch(f"s3://{BUCKET}/acme/in/a.csv", tenant)


def test_a_storage_that_is_away_is_told(place, tenant):
    place.stop()
    sentence = "The storage could not be reached, or broke off."
    assert failure(fetch, f"s3://{BUCKET}/acme/in/a.csv", tenant) == sentence
    assert failure(put, b"x", f"s3://{BUCKET}/acme/in/a.csv", tenant) == sentence
