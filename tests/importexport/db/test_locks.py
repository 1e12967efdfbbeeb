"""Advisory locks."""

from contextlib import closing

import pytest
from django.db import connection, connections, transaction

from importexport import db
from tests.support.backends import backend_of

KEY = (7, 11)


@pytest.fixture
def other(transactional_db):
    """Another connection, in a transaction."""
    with closing(connections.create_connection("default")) as over:
        over.set_autocommit(False)
        yield over


@pytest.mark.parametrize("key", [KEY, (2**62,)])
def test_a_held_lock_is_not_acquired(other, key):
    assert db.advisory_lock(key, over=other)
    with transaction.atomic():
        assert not db.advisory_lock(key, wait=False)
    other.rollback()
    with transaction.atomic():
        assert db.advisory_lock(key, wait=False)


def test_a_lock_ends_with_its_transaction(other):
    with transaction.atomic():
        assert db.advisory_lock(KEY)
        assert not db.advisory_lock(KEY, wait=False, over=other)
    assert db.advisory_lock(KEY, wait=False, over=other)


def test_a_transaction_continues_after_waiting_in_vain_for_a_lock(other):
    assert db.advisory_lock(KEY, over=other)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
        assert not db.advisory_lock(KEY)
        assert backend_of(connection)
