"""The records of imports, and the background checks and imports of files in the admin."""

import csv
import datetime as dt
import hashlib
import io
import json
from contextlib import closing

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from crm.access import Access
from crm.models import Company, Contact
from crm.models.tenant import create_tenant
from importexport import errors
from importexport.admin import permissions
from importexport.history import row_files
from importexport.models import ImportRun, RejectedRow, RowLogPage
from importexport.runs import lifecycle, records, tasks, worker
from rally.logs import JsonFormatter
from tests.support.api import Api
from tests.support.installation import OF_THIS_DATABASE
from tests.support.staff import finished
from tests.support.waiting import Background, wait_until

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "first_name,last_name,email,company_name\r\n"
MIXED = HEADER + "Ada,Lovelace,ada@example.com,\r\nAlan,Turing,nobody,Acme\r\n,Hopper,grace@example.com,Acme\r\n"


@pytest.fixture
def user(tenant):
    return User.objects.create_user("grace", password="secret", is_staff=True)


def check(tenant, user, content, *, entity="contacts", name="contacts.csv"):
    """Upload a file; return its run once it has been checked."""
    file = io.BytesIO(content.encode())
    run = lifecycle.start_plan(tenant=tenant, user=user, entity=entity, file=file, file_name=name)
    return finished(run)


def files_of(tenant):
    """Return the names of the files that a tenant has in the storage."""
    return set(storages["uploads"].listdir(str(tenant.pk))[1])


def confirm(run):
    lifecycle.confirm(run)
    return finished(run)


# --- by every channel --------------------------------------------------------------------------------------------


def test_an_import_through_the_api_is_recorded(tenant):
    api = Api(tenant)
    api.post_file("contacts", MIXED, name="C:\\people\\new.csv")
    run = ImportRun.objects.get()
    assert (run.tenant, run.entity, run.channel, run.status) == (tenant, "contacts", "api", "done")
    assert (run.key, run.actor, run.user) == (api.key, api.key.name, None)
    assert (run.file_name, run.size) == ("new.csv", len(MIXED))
    assert run.sha256 == hashlib.sha256(MIXED.encode()).hexdigest()
    assert (run.total_rows, run.imported, run.skipped) == (3, 1, 2)
    assert run.started_at <= run.finished_at
    assert run.upload_name == ""


def test_an_import_in_the_shell_is_recorded(tenant, tmp_path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "operator")
    path = tmp_path / "people.csv"
    path.write_text(MIXED)
    call_command("import", "contacts", str(path), "--tenant", "acme")
    run = ImportRun.objects.get()
    assert (run.channel, run.actor, run.file_name, run.size) == ("shell", "operator", "people.csv", len(MIXED))
    assert (run.user, run.key) == (None, None)


def test_a_failed_file_is_recorded_with_the_reason(tenant):
    content = "first_name,email\r\nAda,ada@example.com\r\n"
    status, detail = Api(tenant).failure("contacts", content)
    run = ImportRun.objects.get()
    assert (status, run.status, run.error) == (400, "failed", detail)
    assert (run.size, run.sha256) == (len(content), hashlib.sha256(content.encode()).hexdigest())
    assert run.imported == run.skipped == 0


def test_rejected_rows_are_recorded(tenant):
    result = Api(tenant).import_csv("contacts", MIXED)
    rows = list(ImportRun.objects.get().rejected_rows.all())
    assert [row.message for row in rows] == result["errors"]
    assert [row.number for row in rows] == [3, 4]
    assert rows[0].cells == ["Alan", "Turing", "nobody", "Acme"]
    assert rows[0].errors == [
        ["email", "email", "Invalid email format 'nobody'"],
        ["company_name", "not_found", "Company 'Acme' not found"],
    ]


def test_a_cell_that_postgresql_cannot_store_is_recorded(tenant):
    Api(tenant).import_csv("contacts", HEADER + "A\0da,Lovelace,ada@example.com,\r\n")
    (row,) = RejectedRow.objects.all()
    assert row.cells[0] == "A\0da"
    assert row.errors == [["first_name", "character", "Invalid character in 'first_name'"]]


def test_a_row_with_too_many_cells_blames_no_column(tenant):
    Api(tenant).import_csv("contacts", HEADER + "a,b,c@d.example,,,x\r\n")
    (row,) = RejectedRow.objects.all()
    assert row.cells == ["a", "b", "c@d.example", "", "", "x"]
    assert row.errors == [["", "cells", "Expected 4 columns, found 6"]]


def test_similar_errors_are_counted(tenant):
    rows = (
        "".join(f"A,B,a{n}@example.com,Acme\r\n" for n in range(3)) + "A,B,x,\r\nA,B,y,\r\nA,B,c@example.com,Umbra\r\n"
    )
    Api(tenant).import_csv("contacts", HEADER + rows)
    acme, umbra = "Company 'Acme' not found", "Company 'Umbra' not found"
    assert ImportRun.objects.get().groups == [
        {"code": "not_found", "column": "company_name", "sentence": acme, "example": acme, "rows": 3},
        {"code": "email", "column": "email", "sentence": "", "example": "Invalid email format 'x'", "rows": 2},
        {"code": "not_found", "column": "company_name", "sentence": umbra, "example": umbra, "rows": 1},
    ]


def test_rejected_rows_are_found_by_their_errors(tenant):
    rows = 'A,B,x,Acme\r\nA,B,"y"", ""email"", ",\r\n,B,c@example.com,Acme\r\n'
    Api(tenant).import_csv("contacts", HEADER + rows)
    skipped = ImportRun.objects.get().rejected_rows.all()
    numbers = lambda **error: [row.number for row in skipped.with_error(**error)]  # noqa: E731
    assert numbers(code="email") == [2, 3]
    assert numbers(code="not_found") == [2, 4]
    assert numbers(code="required", column="first_name") == [4]
    assert numbers(code="required", column="email") == []
    assert numbers(code="email", column="email", sentence="Invalid email format 'x'") == [2]
    assert numbers(code="email", column="email", sentence="Invalid email format '") == []


def test_the_records_of_an_import_are_known(tenant):
    api = Api(tenant)
    api.import_csv("contacts", HEADER + "A,B,first@example.com,\r\n")
    Contact.objects.create(tenant=tenant, first_name="By", last_name="Hand", email="hand@example.com")
    api.import_csv(
        "contacts", HEADER + "A,B,second@example.com,\r\nA,B,first@example.com,\r\nA,B,third@example.com,\r\n"
    )
    latest, first = ImportRun.objects.all()
    assert [contact.email for contact in records.stored_records(latest)] == ["second@example.com", "third@example.com"]
    assert [contact.email for contact in records.stored_records(first)] == ["first@example.com"]
    Contact.objects.get(email="second@example.com").delete()
    assert [contact.email for contact in records.stored_records(latest)] == ["third@example.com"]


def test_an_import_that_stored_nothing_has_no_records(tenant):
    Api(tenant).import_csv("contacts", HEADER + ",,,\r\nA,B,x,\r\n")
    assert list(records.stored_records(ImportRun.objects.get())) == []


def test_many_batches_are_recorded_completely(tenant):
    Api(tenant).import_csv("contacts", HEADER + "".join(f"A,B,a{n // 2}@example.com,\r\n" for n in range(10_000)))
    run = ImportRun.objects.get()
    assert (run.imported, run.skipped) == (5000, 5000)
    assert run.pages.count() == 4
    assert records.stored_records(run).count() == 5000
    assert [row.number for row in run.rejected_rows.all()] == list(range(3, 10_003, 2))


def test_the_rejected_file_has_the_original_columns(tenant):
    Api(tenant).import_csv(
        "contacts", "Email;FIRST name;last_name;Shoe size\nx;Ada;Lovelace;7\ny@example.com;;Hopper;8\n"
    )
    text = b"".join(row_files.rejected_file(ImportRun.objects.get())).decode()
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == [
        ["Email", "FIRST name", "last_name", "Shoe size", "import_row", "import_error"],
        ["x", "Ada", "Lovelace", "7", "2", "Row 2: Invalid email format 'x'"],
        ["y@example.com", "", "Hopper", "8", "3", "Row 3: Required field 'first_name' is empty"],
    ]


# --- upload, check, confirm ----------------------------------------------------------------------------------


def test_a_check_stores_no_records(tenant, user):
    run = check(tenant, user, MIXED)
    assert (run.status, run.total_rows, run.imported, run.skipped) == ("planned", 3, 1, 2)
    assert not Contact.objects.exists()
    assert [(page.action, page.numbers, page.ids) for page in RowLogPage.objects.all()] == [("create", [2], [0])]
    assert [row.number for row in run.rejected_rows.all()] == [3, 4]


def test_a_check_shows_what_would_be_stored(tenant, user):
    Company.objects.create(tenant=tenant, name="Acme  Inc")
    run = check(
        tenant, user, "Email,First Name,last-name,COMPANY name,Shoe\r\n A@Example.com ,Ada,Lovelace,acme inc,7\r\n"
    )
    assert run.header == {
        "cells": ["Email", "First Name", "last-name", "COMPANY name", "Shoe"],
        "columns": ["email", "first_name", "last_name", "company_name", None],
        "ignored": ["Shoe"],
        "missing": [
            "phone", "mobile", "title", "department", "address", "city", "state", "country", "postal_code",
            "lifecycle_stage", "lead_source", "tags", "notes",
        ],
        "delimiter": ",",
        "mark": False,
        "ignored_cells": {"Shoe": 1},
    }  # fmt: skip
    (record,) = run.sample
    assert record[:3] == ["Ada", "Lovelace", "A@Example.com"]
    assert "Acme  Inc" in record
    assert "lead" in record


def test_a_sample_is_the_first_twenty_records(tenant, user):
    rows = ["A,B,x,", *(f"A,B,a{n}@example.com," for n in range(30))]
    run = check(tenant, user, HEADER + "\r\n".join(rows))
    assert [record[2] for record in run.sample] == [f"a{n}@example.com" for n in range(20)]


def test_a_confirmed_file_is_imported(tenant, user):
    run = confirm(check(tenant, user, MIXED))
    assert (run.status, run.imported, run.skipped, run.rows_done) == ("done", 1, 2, 3)
    assert [contact.email for contact in records.stored_records(run)] == ["ada@example.com"]
    assert [row.number for row in run.rejected_rows.all()] == [3, 4]
    assert (run.user, run.actor, run.channel) == (user, "grace", "admin")


def test_a_file_is_imported_once(tenant, user):
    run = check(tenant, user, MIXED)
    confirm(run)
    with pytest.raises(ValueError, match="only once"):
        lifecycle.confirm(run)
    assert Contact.objects.count() == 1


def test_a_plan_that_no_longer_holds_is_not_applied(tenant, user):
    run = check(tenant, user, MIXED)
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="L", email="ada@example.com")
    run = confirm(run)
    assert (run.status, run.imported, run.skipped) == ("planned", 1, 2)
    assert run.error == (
        "The plan no longer holds. Row 2 was to create a record; now: be rejected (Duplicate contact with email"
        " 'ada@example.com'). Nothing was stored; plan the file again."
    )
    assert Contact.objects.count() == 1
    assert [row.number for row in run.rejected_rows.all()] == [3, 4]


def test_the_check_fails_a_file_that_cannot_be_imported(tenant, user):
    run = check(tenant, user, HEADER + 'a,b,c,\r\nA,"B')
    assert run.status == "failed"
    assert run.error.startswith("Broken quoting in row 3")
    assert not run.rejected_rows.exists()
    with pytest.raises(ValueError, match="Only a plan"):
        lifecycle.confirm(run)


def test_a_file_over_the_limit_is_not_stored(tenant, user, settings):
    settings.RALLY_IMPORT_MAX_BYTES = 10
    with pytest.raises(errors.TooLarge):
        lifecycle.start_plan(tenant=tenant, user=user, entity="contacts", file=io.BytesIO(b"x" * 11), file_name="a")
    assert not ImportRun.objects.exists()


def test_a_discarded_file_is_deleted(tenant, user):
    run = check(tenant, user, MIXED)
    lifecycle.discard(run)
    assert not ImportRun.objects.exists()
    assert not RejectedRow.objects.exists()
    assert not storages["uploads"].exists(run.upload_name)


def test_an_imported_file_cannot_be_discarded(tenant, user):
    run = confirm(check(tenant, user, MIXED))
    with pytest.raises(ValueError, match="kept"):
        lifecycle.discard(run)


def test_a_large_file_is_stored_unchanged(tenant, user):
    content = HEADER + "".join(f"A,B,a{n}@example.com,{'x' * 300}\r\n" for n in range(8000))
    run = check(tenant, user, content)
    with run.open_upload() as file:
        assert file.read() == content.encode()


def test_a_bug_is_recorded_and_logged(tenant, user, monkeypatch, caplog):
    monkeypatch.setattr(tasks, "saving_progress", lambda *_: lambda *_: 1 / 0)
    run = check(tenant, user, MIXED)
    assert (run.status, run.error) == ("failed", "Something went wrong on our side. Nothing was stored.")
    line = logged(caplog, "Bug while planning an import of contacts")
    assert (line["run"], line["tenant"], line["entity"]) == (str(run.pk), "acme", "contacts")
    assert "ZeroDivisionError" in line["exception"]


def test_a_database_lost_during_a_run_is_logged_with_the_run_which_is_resumed(tenant, user, caplog):
    with closing(connection.copy()) as by_hand, by_hand.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        file = io.BytesIO(MIXED.encode())
        run = lifecycle.start_plan(tenant=tenant, user=user, entity="contacts", file=file, file_name="contacts.csv")
        working = Background(worker.work, until_empty=True)
        wait_until(lambda: cut_off_blocked(cursor), "the plan waits for the lock, and is cut off")
        cursor.execute("ROLLBACK")
    working.outcome()
    run.refresh_from_db()
    assert run.status == "planned"
    line = logged(caplog, "Database or storage unavailable during a background run")
    assert (line["run"], line["tenant"], line["entity"]) == (str(run.pk), "acme", "contacts")
    assert "OperationalError" in line["exception"]


def cut_off_blocked(cursor):
    """End the sessions waiting for the table; return whether there were any."""
    blocked = f"relation = 'crm_contact'::regclass AND NOT granted AND {OF_THIS_DATABASE}"
    cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {blocked}")
    return cursor.fetchall()


def logged(caplog, message):
    """Return the only log line with a message, in the format of a server."""
    (record,) = [record for record in caplog.records if record.getMessage() == message]
    return json.loads(JsonFormatter().format(record))


# --- access and retention ---------------------------------------------------------------------------------------


def test_rows_are_visible_to_the_uploader_and_to_admins(tenant, user):
    run = check(tenant, user, MIXED)
    other = User.objects.create_user("alan")
    assert permissions.may_open(run, user=user, access=Access(tenant, "editor"))
    assert not permissions.may_open(run, user=other, access=Access(tenant, "editor"))
    assert permissions.may_open(run, user=other, access=Access(tenant, "admin"))
    globex = create_tenant(slug="globex", name="Globex")
    assert not permissions.may_open(run, user=user, access=Access(globex, "admin"))
    run.user = None
    assert not permissions.may_open(run, user=other, access=Access(tenant, "viewer"))


def test_old_uploads_and_rows_are_removed(tenant, user, settings, capsys):
    settings.RALLY_IMPORT_KEEP_DAYS = 7
    done, waiting, fresh = confirm(check(tenant, user, MIXED)), check(tenant, user, MIXED), check(tenant, user, MIXED)
    old = timezone.now() - dt.timedelta(days=7, minutes=1)
    ImportRun.objects.filter(pk__in=[done.pk, waiting.pk]).update(created_at=old)
    call_command("purge_imports")
    assert capsys.readouterr().out == "2 imports purged.\n"
    done.refresh_from_db()
    assert done.purged_at
    assert (done.imported, done.skipped, done.upload_name, done.rejected_rows.count()) == (1, 2, "", 0)
    assert (done.header, done.groups, done.sample) == ({}, [], [])
    assert set(ImportRun.objects.all()) == {done, fresh}
    assert files_of(tenant) == {str(fresh.pk)}
    assert records.stored_records(done).count() == 1
    call_command("purge_imports")
    assert capsys.readouterr().out == "0 imports purged.\n"


def test_an_upload_purges_old_files(tenant, user):
    run = check(tenant, user, MIXED)
    ImportRun.objects.update(created_at=timezone.now() - dt.timedelta(days=31))
    check(tenant, user, MIXED)
    assert not ImportRun.objects.filter(pk=run.pk).exists()
