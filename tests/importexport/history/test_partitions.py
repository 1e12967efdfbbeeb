"""What reads or deletes a run's row log reads one partition: by the plans of PostgreSQL."""

import re
from contextlib import contextmanager

import pytest
from django.db import connection
from psycopg import sql

from importexport.history import kept, repairs, row_log, undone
from importexport.models import ImportRun
from importexport.runs import records

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone,company_name\n"
#: How the statement begins that counts what was undone.
COUNTING = "\nWITH stored AS MATERIALIZED"
READ = re.compile(r" on (importexport_(?:rowchange|skippedrow))(?:_(past|\d{4}_\d\d))?(?: |$)", re.MULTILINE)


class Plans(list):
    """The partitions that each statement about the row log would read, or reads: which of those of other runs are
    skipped is only known once the statement runs."""

    def __init__(self, explain):
        super().__init__()
        self._explain = explain

    def __call__(self, execute, statement, parameters, many, context):
        text = statement.as_string() if isinstance(statement, sql.Composable) else statement
        if re.search("importexport_(rowchange|skippedrow)", text) and not text.startswith(("COPY", "SELECT name")):
            self.append((text, self._read(text, parameters)))
        return execute(statement, parameters, many, context)

    def _read(self, text, parameters):
        with connection.connection.cursor() as cursor:
            cursor.execute(f"{self._explain} {text}", parameters)
            plan = "\n".join(line for (line,) in cursor)
        return {month for _, month in READ.findall("\n".join(filter(is_read, plan.splitlines())))}


def is_read(line):
    """Whether a line of a plan is about something that is read."""
    return not line.lstrip(" ->").startswith(("Insert", "Delete")) and "never executed" not in line


@contextmanager
def plans(explain="EXPLAIN"):
    found = Plans(explain)
    with connection.execute_wrapper(found):
        yield found


@pytest.fixture
def run(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\nBob,B,bob@example.com,1,\n")
    content = HEAD + "Ada,L,ada@example.com,2,New\nC,D,c@example.com,,\nEve,,,,\n"
    api.import_csv("contacts", content, "mode=upsert&missing=create")
    return ImportRun.objects.first()


def of_one_partition(found, run):
    """Whether each statement reads the partition of a run's month alone."""
    return [text for text, months in found if months != {f"{run.month:%Y_%m}"}] == []


def test_reading_rows_reads_one_partition(run):
    with plans() as found:
        actions = {row.action for row in row_log.rows(run)}
        list(row_log.rows(run, after=2))
    assert actions == {"create", "update", "reject"}
    assert len(found) == 4
    assert of_one_partition(found, run)


def test_an_undo_and_the_undo_of_that_read_one_partition(api, run):
    with plans() as found:
        undo = api.undo(str(run.pk))
        api.undo(undo["id"])
    statements = " ".join(text for text, _ in found)
    assert all(part in statements for part in ("rally_back", "rally_was_contacts", "jsonb_object_keys", "RETURNING"))
    # The statement that deletes records only writes to the row log; of the one that counts what was undone, the month is
    # known when it runs (see below).
    others = [each for each in found if "RETURNING g.number" not in each[0] and not each[0].startswith(COUNTING)]
    assert of_one_partition(others, run)


def test_counting_what_was_undone_reads_one_partition(api, run):
    undo = ImportRun.objects.get(pk=api.undo(str(run.pk))["id"])
    with plans("EXPLAIN (ANALYZE)") as found:
        undone.note_undone(undo)
    assert len(found) == 1
    assert of_one_partition(found, run)


def test_clearing_reads_one_partition(run):
    with plans() as found:
        row_log.clear_row_log(run, connection)
    assert len(found) == 2
    assert of_one_partition(found, run)


def test_measuring_and_finding_the_records_of_a_run_read_one_partition(run):
    with plans() as found:
        assert kept.log_bytes(run, connection) > 0
        assert records.stored_records(run).count() == 2
    assert of_one_partition(found, run)


def test_counting_related_runs_reads_one_partition(api, run):
    api.undo(str(run.pk))
    with plans("EXPLAIN (ANALYZE)") as found:
        assert repairs.related_runs_of(run).left == 3
    assert len(found) == 1
    assert of_one_partition(found, run)
