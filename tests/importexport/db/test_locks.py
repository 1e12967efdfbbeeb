"""Advisory locks."""

from contextlib import closing

import pytest
from django.db import connection, connections, transaction

from importexport import db
from tests.support.backends import backend_of, end_backend

KEY = (7, 11)


@pytest.fixture
def other(transactional_db):
    """Another connection."""
    with closing(connections.create_connection("default")) as over:
        yield over


@pytest.mark.parametrize("key", [KEY, (2**62,)])
@pytest.mark.parametrize("session", [True, False])
def test_a_held_lock_is_not_acquired(other, session, key):
    assert db.advisory_lock(key, session=True, over=other)
    with transaction.atomic():
        assert not db.advisory_lock(key, session=session, wait=False)
    let_go(other)
    with transaction.atomic():
        assert db.advisory_lock(key, session=session, wait=False)
    let_go(connection)


def let_go(over):
    with over.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def test_a_transaction_lock_ends_with_it_and_a_session_lock_does_not(other):
    with transaction.atomic():
        assert db.advisory_lock(KEY)
        assert not db.advisory_lock(KEY, wait=False, over=other)
    assert db.advisory_lock(KEY, wait=False, over=other)
    with db.session_lock((1, 2)):
        with transaction.atomic():
            transaction.set_rollback(True)
        assert not db.advisory_lock((1, 2), session=True, wait=False, over=other)
    assert db.advisory_lock((1, 2), session=True, wait=False, over=other)


def test_the_limit_of_waiting_for_a_session_lock_applies_to_nothing_else(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with db.patience(wait=0.1):
        assert not db.advisory_lock(KEY, session=True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_transaction_continues_after_waiting_in_vain_for_a_lock(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
        assert not db.advisory_lock(KEY)
        assert backend_of(connection)


def test_a_session_lock_that_was_not_acquired_is_not_released(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with db.session_lock(KEY, wait=False) as is_held:
        assert not is_held
    assert not db.advisory_lock(KEY, session=True, wait=False)


def test_a_session_lock_is_released_when_its_connection_is_lost(other):
    with db.session_lock(KEY):
        end_backend(backend_of(connection))
    assert db.advisory_lock(KEY, session=True, wait=False, over=other)
    assert backend_of(connection)
