"""Receivers on this machine, which the settings allow."""

import pytest

from tests.support.receivers import Receiver


@pytest.fixture
def allowed(settings):
    """Receivers on this machine may be sent to, over http."""
    settings.RALLY_WEBHOOK_HTTP, settings.RALLY_WEBHOOK_HOSTS = True, ["127.0.0.1", "*"]


@pytest.fixture
def receive(allowed):
    """A function that starts a receiver with its answers."""
    started = []

    def start(*answers, **options):
        started.append(Receiver(*answers, **options))
        return started[-1]

    yield start
    for receiver in started:
        receiver.close()
