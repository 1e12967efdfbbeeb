"""Servers on this machine, which the settings allow."""

import pytest

from tests.support.receivers import Receiver, certificate


@pytest.fixture
def allowed(settings):
    """Receivers on this machine may be sent to, over http."""
    settings.RALLY_WEBHOOK_HTTP, settings.RALLY_WEBHOOK_HOSTS = True, ["127.0.0.1", "*"]


@pytest.fixture
def started():
    """The receivers to be closed at the end of a test."""
    found = []
    yield found
    for receiver in found:
        receiver.close()


@pytest.fixture
def receive(allowed, started):
    """A function that starts a receiver with its answers."""

    def start(*answers, **options):
        started.append(Receiver(*answers, **options))
        return started[-1]

    return start


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A certificate for this machine: its file, and a context for servers."""
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve(settings, started, made, monkeypatch):
    """A function that starts a server of files with its answers, over https; schedules may use it."""
    settings.RALLY_SCHEDULE_HOSTS = ["127.0.0.1"]
    monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))

    def start(*answers):
        started.append(Receiver(*answers, context=made[1]))
        return started[-1]

    return start


@pytest.fixture
def place(settings, s3, tmp_path):
    """An empty bucket whose folder of a tenant its schedules may use; the server is returned."""
    from rally import schedule_hosts

    s3.empty()
    settings.RALLY_SCHEDULE_BUCKETS = [schedule_hosts.bucket_of(s3.url.replace("/files?", "/{tenant}/in?"), 1)]
    yield s3
    if not s3.is_up:
        s3.start()
