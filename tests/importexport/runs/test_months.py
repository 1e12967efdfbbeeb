"""The row log is in partitions by the month of the run, which are dropped when nothing of their runs is kept."""

import datetime as dt
import io
from contextlib import closing

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from crm.models import Contact
from importexport import services
from importexport.db import PAST, ensure_months, lock_apart, months, partitions, this_month
from importexport.engine.options import Options
from importexport.history import row_log
from importexport.models import BY_MONTH, ImportRun, RejectedRow, RowChange
from importexport.runs import log_retention, retention, upkeep
from tests.support.api import Api, problem
from tests.support.waiting import Background, wait_until

#: What is done over other connections sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone\n"
MIXED = HEAD + "Ada,Lovelace,ada@example.com,1\nAlan,Turing,nobody,\n"
#: Months long ago, and one that is to come.
JANUARY, FEBRUARY, COMING = dt.date(2001, 1, 1), dt.date(2001, 2, 1), dt.date(2091, 5, 1)


@pytest.fixture(autouse=True)
def _same_months_afterwards():
    before = partitions(BY_MONTH)
    yield
    ensure_months(BY_MONTH, months.months_ahead())
    months.drop_partitions([found for found in partitions(BY_MONTH) if found not in before])


def import_in(month, tenant, content=MIXED, *, mode="create"):
    """Import a file as of a month; return the run."""
    run = ImportRun(
        tenant=tenant, entity="contacts", channel="api", actor="ci", file_name="a.csv", month=month,
        created_at=dt.datetime.combine(month, dt.time(), dt.UTC), options=Options(mode=mode).kept(),
    )  # fmt: skip
    services.import_file(run, io.BytesIO(content.encode()))
    return ImportRun.objects.get(pk=run.pk)


def update_in(month, tenant):
    """Import a contact, and a file that updates it and has a rejected row as of a month; return the second run."""
    import_in(this_month(), tenant)
    return import_in(month, tenant, MIXED.replace(",1", ",2"), mode="upsert")


def stored_in(run):
    """Return the months of the partitions that have rows of a run."""
    found = set()
    for table in BY_MONTH:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT tableoid::regclass::text FROM {table} WHERE run_id = %s", [run.pk])
            found |= {name.removeprefix(f"{table}_") for (name,) in cursor}
    return found


def existing():
    """Return the months that have a partition."""
    return {partition.month for partition in partitions(BY_MONTH)}


# --- creating ---


def test_this_month_and_the_next_are_there_ahead(db):
    assert existing() == {this_month(), months.month_after(this_month())}


def test_a_purge_creates_the_months_that_come_next(db):
    months.drop_partitions(partitions(BY_MONTH))
    assert existing() == set()
    retention.purge()
    assert existing() == {this_month(), months.month_after(this_month())}


def test_an_import_whose_month_has_no_partition_creates_it(tenant):
    run = import_in(COMING, tenant)
    assert (run.status, run.imported, run.skipped) == ("done", 1, 1)
    assert stored_in(run) == {"2091_05"}
    assert [row.number for row in RejectedRow.objects.of(run)] == [3]


def test_a_run_stays_in_the_month_in_which_it_began(tenant, settings):
    settings.RALLY_IMPORT_KEEP_DAYS = 100_000
    run = update_in(JANUARY, tenant)
    assert stored_in(run) == {"2001_01"}
    api = Api(tenant)
    undo = ImportRun.objects.get(pk=api.undo(str(run.pk))["id"])
    assert (undo.imported, Contact.objects.get().phone) == (1, "1")
    assert stored_in(undo) == {f"{this_month():%Y_%m}"}


def test_processes_that_need_the_same_month_create_it_once(tenant):
    with closing(connection.copy()) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT pg_advisory_xact_lock(%s), pg_backend_pid()", [months.CREATING])
        _, blocker = cursor.fetchone()
        both = [Background(ensure_over_own_connection, COMING) for _ in range(2)]
        cursor_of = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        wait_until(lambda: ask(cursor_of, blocker) == (2,), "both wait")
        other.rollback()
        for each in both:
            each.outcome()
    assert [partition.name for partition in partitions(BY_MONTH) if partition.month == COMING] == [
        "importexport_skippedrow_2091_05",
        "importexport_rowchange_2091_05",
    ]


def ensure_over_own_connection(month):
    ensure_months(BY_MONTH, [month])
    connection.close()


def ask(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()


def test_a_month_is_created_while_others_write_rows(tenant):
    run = update_in(this_month(), tenant)
    with transaction.atomic():
        row_log.clear_row_log(run, connection)
        ensure_months(BY_MONTH, [COMING])
    assert COMING in existing()


# --- purging ---


def test_a_month_is_dropped_when_all_of_it_is_purged_and_other_months_stay(tenant):
    old, kept = update_in(JANUARY, tenant), update_in(FEBRUARY, tenant)
    ImportRun.objects.filter(pk=kept.pk).update(created_at=timezone.now())
    upkeep.keep_up()
    assert existing() >= {FEBRUARY, this_month()}
    assert JANUARY not in existing()
    assert stored_in(kept) == {"2001_02"}
    assert RejectedRow.objects.of(kept).count() == 1
    assert stored_in(old) == {"past"}


def test_what_has_been_purged_is_not_found_before_its_month_is_dropped(tenant):
    run, api = update_in(this_month(), tenant), Api(tenant)
    page = f"imports/{run.pk}/rows"
    assert [(row["row"], row["action"], row.get("changes")) for row in api.look(page)["results"]] == [
        (2, "update", {"phone": ["1", "2"]}),
        (3, "reject", None),
    ]
    retention.purge(days=0)
    assert stored_in(run) == {f"{this_month():%Y_%m}", "past"}
    assert [(row["row"], row["action"], row.get("changes")) for row in api.look(page)["results"]] == [
        (2, "update", None)
    ]


def test_the_command_leaves_nothing_of_the_contents_in_a_month_that_is_not_over(tenant):
    run = update_in(this_month(), tenant)
    call_command("purge_imports", days=0)
    assert stored_in(run) == {"past"}
    run.refresh_from_db()
    assert list(RowChange.objects.of(run).values_list("number", "changes", "month")) == [(2, {}, PAST)]
    assert not RejectedRow.objects.exists()


def test_an_undo_of_a_run_of_a_dropped_month_has_expired(tenant):
    run = update_in(JANUARY, tenant)
    upkeep.keep_up()
    status, detail = problem(Api(tenant).post(f"imports/{run.pk}/undo"))
    assert (status, detail) == (409, "What this import has changed is no longer kept, so it cannot be undone.")


def test_the_history_of_a_record_has_the_imports_of_dropped_months(tenant):
    run = update_in(JANUARY, tenant)
    contact = Contact.objects.get()
    before = [(trace.run.pk, trace.number, trace.action) for trace in row_log.traces(contact, "contacts")]
    assert (run.pk, 2, "update") in before
    retention.purge()
    assert [(trace.run.pk, trace.number, trace.action) for trace in row_log.traces(contact, "contacts")] == before
    log_retention.drop_months()
    assert [(trace.run.pk, trace.number, trace.action) for trace in row_log.traces(contact, "contacts")] == before


def test_what_is_of_before_the_upgrade_is_emptied_where_it_is(tenant):
    run = update_in(PAST, tenant)
    retention.purge(days=0)
    assert list(RowChange.objects.of(run).values_list("number", "changes")) == [(2, {})]
    assert not RejectedRow.objects.of(run).exists()


def test_two_purges_at_once_leave_one_copy(tenant):
    run = update_in(this_month(), tenant)
    with transaction.atomic():
        retention.purge(days=0)
        assert Background(purged_over_own_connection).outcome() == 0
    assert RowChange.objects.of(ImportRun.objects.get(pk=run.pk)).count() == 1


def purged_over_own_connection():
    count = retention.purge(days=0)
    connection.close()
    return count


# --- dropping ---


def test_a_month_with_a_run_is_not_dropped(tenant, settings):
    settings.RALLY_IMPORT_KEEP_DAYS = 100_000
    import_in(JANUARY, tenant)
    upkeep.keep_up()
    assert JANUARY in existing()


def test_a_month_that_somebody_reads_is_dropped_the_next_time(tenant, monkeypatch):
    monkeypatch.setattr(months, "TO_DETACH", "50ms")
    run = update_in(JANUARY, tenant)
    retention.purge()
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM importexport_skippedrow WHERE run_id = %s", [run.pk])
            assert log_retention.drop_months() == []
            # Nobody waits meanwhile, and imports go on.
            assert import_in(this_month(), tenant, MIXED.replace("ada@", "eve@")).imported == 1
            cursor.execute("SELECT count(*) FROM importexport_skippedrow WHERE run_id = %s", [run.pk])
        other.rollback()
    assert sorted(log_retention.drop_months()) == ["importexport_rowchange_2001_01", "importexport_skippedrow_2001_01"]
    assert JANUARY not in existing()


def test_what_a_killed_process_has_detached_is_dropped(tenant):
    ensure_months(BY_MONTH, [JANUARY])
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE importexport_rowchange DETACH PARTITION importexport_rowchange_2001_01 CONCURRENTLY"
        )
    assert "importexport_rowchange_2001_01" in log_retention.drop_months()
    assert JANUARY not in existing()


def test_only_one_process_drops(tenant):
    ensure_months(BY_MONTH, [JANUARY])
    with lock_apart([months.DROPPING]):
        assert log_retention.drop_months() == []
    assert JANUARY in existing()


def test_a_worker_drops_months_by_itself(tenant, monkeypatch):
    monkeypatch.setattr(upkeep, "FIRST", 0)
    update_in(JANUARY, tenant)
    upkeep.Upkeep().start()
    wait_until(lambda: JANUARY not in existing(), "the month is dropped")
