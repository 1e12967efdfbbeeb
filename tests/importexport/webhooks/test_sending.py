"""One request to a webhook: real receivers, in all their moods."""

import socket

import pytest

from importexport.net import addresses
from importexport.webhooks.sending import post
from tests.support.receivers import babble, drip, flood, hang, reset, respond

#: Seconds that an attempt of these tests takes at most.
SOON = 0.3


def send(url, body=b'{"type": "ping"}', patience=5.0):
    return post(url, body=body, headers={"webhook-id": "one"}, patience=patience)


@pytest.fixture
def names(monkeypatch):
    """Names and their addresses, which are looked up here; those that were looked up are in ``names.asked``."""

    class Names(dict):
        asked = ()

    known = Names()

    def look_up(host, port):
        known.asked = (*known.asked, host)
        return known[host]

    monkeypatch.setattr(addresses, "resolve", look_up)
    return known


def test_a_message_arrives_as_it_is(receive):
    receiver = receive()
    answer = send(f"{receiver.url}?a=b", b'{"type": "ping"}')
    assert (answer.status, answer.error) == (204, "")
    (got,) = receiver.received
    assert (got.path, got.body) == ("/hook?a=b", b'{"type": "ping"}')
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["webhook-id"] == "one"


def test_a_status_that_is_no_success_is_an_error_with_the_beginning_of_the_response(receive):
    answer = send(receive(respond(500, b"Oh\0 no" + b"x" * 2000)).url)
    assert (answer.status, answer.error) == (500, "The receiver answered 500.")
    assert answer.body == "Oh\ufffd no" + "x" * 1018


def test_a_redirect_is_not_followed(receive):
    other = receive()
    answer = send(receive(respond(302, Location=other.url)).url)
    assert answer.error == "The receiver answered 302. Redirects are not followed."
    assert other.received == []


def test_of_a_response_of_ten_megabytes_a_kilobyte_is_read(receive):
    answer = send(receive(flood).url)
    assert (answer.status, answer.body) == (200, "x" * 1024)


@pytest.mark.parametrize("slow", [hang, drip])
def test_a_receiver_that_hangs_or_drips_is_left_when_the_time_is_up(receive, slow):
    answer = send(receive(slow).url, patience=SOON)
    assert (answer.status, answer.error) == (None, "There was no answer within 0.3 seconds.")


def test_a_connection_that_is_reset_is_an_error(receive):
    assert send(receive(reset).url).error == "The connection failed: Connection reset by peer."


def test_an_answer_that_is_not_http_is_an_error(receive):
    assert send(receive(babble).url).error == "The answer was not HTTP."


def test_where_nobody_listens_is_an_error(allowed):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/").error == "The connection failed: Connection refused."


def test_no_proxy_of_the_environment_is_used(receive, monkeypatch):
    receiver = receive()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.url).status == 204


# --- names ---


def test_a_name_is_looked_up_once_and_the_connection_is_to_that_address(receive, names, settings):
    receiver = receive()
    settings.RALLY_WEBHOOK_HOSTS = ["hooks.example.com"]
    names["hooks.example.com"] = ["127.0.0.1"]
    assert send(f"http://hooks.example.com:{receiver.port}/").status == 204
    assert names.asked == ("hooks.example.com",)
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["8.8.8.8", "::ffff:127.0.0.1"]])
def test_a_name_with_an_address_that_is_not_public_is_refused(receive, names, found):
    receiver = receive()
    names["hooks.example.com"] = found
    answer = send(f"http://hooks.example.com:{receiver.port}/")
    assert answer.error.startswith("The host has an address that is not public.")
    assert receiver.received == []


def test_a_name_that_takes_for_ever_to_look_up_is_left_when_the_time_is_up(names, monkeypatch):
    monkeypatch.setattr(addresses, "resolve", lambda host, port: hang(None))
    assert send("https://hooks.example.com/", patience=SOON).error == "There was no answer within 0.3 seconds."


def test_a_name_that_is_not_found_is_an_error(names, monkeypatch):
    def fail(host, port):
        raise socket.gaierror

    monkeypatch.setattr(addresses, "resolve", fail)
    assert send("https://hooks.example.com/").error == "The host has no address: its name was not found."


# --- certificates ---


def test_a_certificate_of_a_known_authority_is_accepted(receive, made, monkeypatch):
    path, context = made
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert send(receive(context=context).url).status == 204


def test_a_certificate_of_nobody_is_refused(receive, made):
    receiver = receive(context=made[1])
    assert send(receiver.url).error.startswith("The certificate is not valid: self-signed certificate")
    assert receiver.received == []


def test_a_certificate_of_another_host_is_refused(receive, made, names, settings, monkeypatch):
    path, context = made
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    receiver = receive(context=context)
    settings.RALLY_WEBHOOK_HOSTS = ["hooks.example.com"]
    names["hooks.example.com"] = ["127.0.0.1"]
    assert "Hostname mismatch" in send(f"https://hooks.example.com:{receiver.port}/").error


def test_https_to_a_port_of_http_is_an_error(receive):
    receiver = receive()
    assert send(receiver.url.replace("http:", "https:")).error.startswith("There was no secure connection:")
