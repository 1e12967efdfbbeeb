"""Migrations are run by one process at a time."""

import pytest
from django.core.management import call_command
from django.db import connection, connections

from importexport.db import lock_apart
from rally.management.commands.migrate import LOCK
from tests.support.installation import OF_THIS_DATABASE
from tests.support.waiting import Background, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

#: Sessions that have a transaction between two statements, as what holds the lock of migrations does.
IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
"""
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query = 'ROLLBACK'"
)


def count(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def migrate(name):
    try:
        call_command("migrate", verbosity=0)
    finally:
        connections.close_all()
    return name


def test_who_waits_until_others_have_migrated_has_no_transaction_meanwhile():
    with lock_apart([LOCK]):
        waiting = [Background(migrate, n) for n in range(3)]
        # Only the lock is held in a transaction.
        wait_until(lambda: (count(WAITING), count(IN_TRANSACTION)) == (3, 1), "three wait without a transaction")
        assert not any(each.is_done for each in waiting)
    assert [each.outcome() for each in waiting] == [0, 1, 2]


def test_the_lock_ends_with_the_migrations():
    call_command("migrate", verbosity=0)
    assert count(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {OF_THIS_DATABASE}") == 0
