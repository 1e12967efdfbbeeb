"""Behind a connection pool, and past it."""

import datetime as dt
from contextlib import closing

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, connections

from importexport import db
from importexport.db import months
from importexport.runs import worker
from tests.support.installation import url_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pooled(pool):
    """Have this thread's connection go through the pool, with a way past it."""
    usual = connections["default"].settings_dict
    own = connection.copy()
    own.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(pool.port)}
    own.settings_dict["DIRECT"] = {name: usual[name] for name in ("HOST", "PORT")} | usual.get("DIRECT", {})
    connections["default"].close()
    before, connections["default"] = connections["default"], own
    yield own.settings_dict
    own.close()
    connections["default"] = before


def test_a_pool_is_told_from_postgresql_itself(pooled):
    assert db.is_pooled(connection)
    with closing(db.second_connection()) as own:
        assert not db.is_pooled(own)


def test_a_second_connection_goes_through_the_pool_where_there_is_no_way_past_it(pooled):
    del pooled["DIRECT"]
    with closing(db.second_connection()) as own:
        assert db.is_pooled(own)


def test_the_worker_listens_only_past_the_pool(pooled, caplog):
    assert worker.hears_notifications()
    assert caplog.messages == []
    del pooled["DIRECT"]
    assert not worker.hears_notifications()
    assert caplog.messages == [worker.POOL_ONLY]


def test_months_are_dropped_only_past_the_pool(pooled, caplog):
    old = months.Partition("importexport_rowchange", dt.date(2001, 1, 1), is_attached=True, is_pending=False)
    db.ensure_months([old.table], [old.month])
    direct = pooled.pop("DIRECT")
    assert db.drop_partitions([old]) == []
    assert caplog.messages == [months.POOL_ONLY]
    pooled["DIRECT"] = direct
    assert db.drop_partitions([old]) == [old.name]


def test_migrations_go_past_the_pool(pooled):
    with db.directly():
        assert not db.is_pooled(connection)
    assert db.is_pooled(connection)


@pytest.mark.parametrize("command", [["migrate"], ["worker", "--until-empty"]])
def test_a_way_past_the_pool_to_another_database_is_refused(pooled, command):
    pooled["DIRECT"]["NAME"] = "postgres"
    with pytest.raises(
        ImproperlyConfigured, match=r"^RALLY_DIRECT_DATABASE_URL is another database than DATABASE_URL.$"
    ):
        call_command(*command)


def test_the_transaction_of_an_import_is_ended_through_the_pool_and_no_other(pool):
    url = pool.url(url_of(connection.settings_dict["NAME"]))
    with psycopg.connect(url) as killed, psycopg.connect(url) as other:
        for over, name in ((killed, "1"), (other, "2")):
            over.execute("SELECT set_config('application_name', %s, true)", [f"rally import {name}"])
        db.end_sessions("1")
        with pytest.raises(psycopg.OperationalError):
            killed.execute("SELECT")
        other.commit()
        db.end_sessions("2")
        assert other.execute("SELECT 1").fetchone() == (1,)
