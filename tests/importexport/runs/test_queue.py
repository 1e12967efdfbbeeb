"""The queue: who comes next, and how many may wait."""

import pytest
from django.db import connection, transaction

from importexport import errors
from importexport.models import ImportRun
from importexport.runs import lifecycle, worker
from importexport.runs.queue import TooManyWaiting, enqueue
from tests.support.staff import Staff, add_run, words_of

pytestmark = pytest.mark.django_db(transaction=True)

KB, MB = 1024, 1024 * 1024
FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"


def put(tenant, name, *, size=KB, status="planning", entity="contacts"):
    """Put a run in the queue, which has the name of its file."""
    run = add_run(tenant, file_name=name, size=size, status=status, entity=entity)
    enqueue(run)
    return run


def take(queue="small"):
    """Take the next job of a queue, as a worker does; return the name of its file, or None."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        (worker_id,) = cursor.fetchone()
        cursor.execute(
            "SELECT id, args ->> 'run_id' FROM procrastinate_fetch_job_v2(%s::varchar[], %s)", [[queue], worker_id]
        )
        job, run = cursor.fetchone()
    return (job, ImportRun.objects.get(pk=run)) if job else None


def end(job):
    with connection.cursor() as cursor:
        cursor.execute("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", [job])


def order(queue="small"):
    """Do all jobs of a queue one after the other; return the names of their files."""
    names = []
    while taken := take(queue):
        job, run = taken
        names.append(run.file_name)
        end(job)
    return names


def test_who_brings_one_file_does_not_wait_for_all_files_of_another_tenant(tenant, other_tenant):
    for n in range(5):
        put(tenant, f"a{n}")
    put(other_tenant, "b")
    assert order() == ["a0", "b", "a1", "a2", "a3", "a4"]


def test_tenants_with_many_files_take_turns(tenant, other_tenant):
    for n in range(3):
        put(tenant, f"a{n}")
    for n in range(3):
        put(other_tenant, f"b{n}")
    assert order() == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_who_has_a_job_in_hand_comes_after_who_has_none(tenant, other_tenant):
    put(tenant, "a contacts")
    put(tenant, "a companies", entity="companies")
    take()
    put(tenant, "a deals", entity="deals")
    put(other_tenant, "b")
    assert order() == ["b", "a companies", "a deals"]


def test_a_plan_comes_before_an_apply(tenant):
    put(tenant, "first plan")
    put(tenant, "apply", status="applying")
    put(tenant, "plan")
    assert order() == ["first plan", "plan", "apply"]


def test_the_imports_of_an_entity_are_done_one_after_the_other(tenant):
    put(tenant, "one")
    put(tenant, "two")
    job, _ = take()
    assert take() is None
    end(job)
    assert order() == ["two"]


def test_small_files_do_not_wait_for_large_ones(tenant):
    put(tenant, "large", size=2 * MB, entity="deals")
    put(tenant, "small")
    assert order("small") == ["small"]
    assert order("large") == ["large"]


def test_a_small_file_comes_before_a_large_one_of_the_same_entity(tenant):
    put(tenant, "large", size=2 * MB)
    put(tenant, "small")
    assert take("large") is None
    assert order("small") == ["small"]
    assert order("large") == ["large"]


def test_a_large_file_that_has_waited_for_a_minute_comes_first(tenant):
    put(tenant, "large", size=2 * MB)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '61 s'")
    put(tenant, "small")
    assert take("small") is None
    assert order("large") == ["large"]


def test_the_undo_of_a_large_import_is_large(tenant):
    done = add_run(tenant, total_rows=100_000)
    enqueue(add_run(tenant, kind="undo", parent=done, status="planning", file_name="undo"))
    assert order("large") == ["undo"]


def test_a_job_is_stored_in_the_transaction_that_changes_the_state(tenant):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        put(tenant, "a")
        raise ZeroDivisionError
    assert take() is None


@pytest.fixture
def editor(transactional_db, tenant):
    return Staff(tenant, "editor")


@pytest.fixture
def few(monkeypatch):
    """Only two runs may wait."""
    monkeypatch.setattr(errors, "MOST_WAITING", 2)


def test_a_tenant_has_at_most_so_many_runs_in_the_queue(tenant, other_tenant, few):
    put(tenant, "a")
    put(tenant, "b")
    with pytest.raises(
        TooManyWaiting, match=r"^200 imports are waiting already\. Try again when some of them are done\.$"
    ):
        put(tenant, "c")
    put(other_tenant, "d")


def test_staff_who_have_too_many_files_waiting_are_told(editor, few):
    for name in ("a.csv", "b.csv"):
        editor.bring(FILE, name=name)
    response = editor.bring(FILE, name="c.csv")
    assert "200 imports are waiting already. Try again when some of them are done." in words_of(response)
    assert ImportRun.objects.count() == 2


def test_a_plan_stays_one_if_too_many_wait_to_be_applied(editor, tenant, few):
    run = editor.check(FILE)
    put(tenant, "b")
    put(tenant, "c")
    with pytest.raises(TooManyWaiting):
        lifecycle.confirm(run)
    run.refresh_from_db()
    assert run.status == "planned"


def test_a_job_of_a_run_that_was_discarded_does_nothing(editor):
    editor.bring(FILE)
    lifecycle.discard(ImportRun.objects.get())
    worker.work(until_empty=True)
    assert take() is None
