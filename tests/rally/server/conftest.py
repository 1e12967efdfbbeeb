"""Servers that slow clients could easily occupy."""

import pytest


@pytest.fixture(scope="module")
def small(launch):
    """A server with few threads, which slow clients could easily occupy."""
    server = launch(WEB_CONCURRENCY="1", RALLY_THREADS="4")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def strict(launch):
    """A server with short timeouts."""
    server = launch(WEB_CONCURRENCY="1", RALLY_THREADS="4", RALLY_UPLOAD_TIMEOUT="3", RALLY_UPLOAD_IDLE_TIMEOUT="1")
    yield server
    server.stop()
