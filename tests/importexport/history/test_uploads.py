"""The files of runs: stored with them, read as they were stored, and deleted after them."""

import io
import json
import os
import time
import uuid

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection, transaction

from crm.management.base import UserError
from crm.models import Contact
from crm.models.tenant import create_tenant
from importexport import errors
from importexport.db import UNAVAILABLE
from importexport.engine.options import Options
from importexport.models import ImportRun
from importexport.runs import lifecycle, queue, retention
from tests.support.api import Api, problem
from tests.support.disks import limited_files
from tests.support.staff import Staff, finished, words_of
from tests.support.workbooks import made

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\r\nAda,Lovelace,ada@example.com\r\n"
#: More than a file may have in the tests with a full disk, and less than is written to the disk as it comes in.
LARGE = FILE + "".join(f"A,B,a{n}@example.com\r\n" for n in range(10_000))
ALLOWED = 128 * 1024
DAY = 24 * 3600


@pytest.fixture
def files(folder_of_uploads):
    """A function that returns the paths of all stored files."""
    return lambda: sorted(path for path in folder_of_uploads.rglob("*") if path.is_file())


def new_run(tenant):
    return ImportRun(tenant=tenant, entity="contacts", channel="api", actor="ci", file_name="a.csv")


def keep(run, begin=None):
    lifecycle.keep_upload(run, io.BytesIO(FILE.encode()), Options(), begin=begin)


# --- stored before the run ---


def test_a_plan_has_its_file_in_the_storage(tenant, files):
    plan = Api(tenant).plan("contacts", FILE)
    (path,) = files()
    assert path.parts[-2:] == (str(tenant.pk), plan["id"])
    assert path.read_bytes() == FILE.encode()


def test_a_run_that_is_not_stored_leaves_no_file(tenant, files):
    with pytest.raises(ZeroDivisionError):
        keep(new_run(tenant), begin=lambda run: 1 / 0)
    assert not ImportRun.objects.exists()
    assert files() == []


def test_a_connection_that_is_lost_before_the_commit_leaves_no_file(tenant, files):
    def lose(run):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(UNAVAILABLE):
        keep(new_run(tenant), begin=lose)
    connection.close()
    assert not ImportRun.objects.exists()
    assert files() == []


def test_a_file_over_the_limit_leaves_nothing(tenant, files, settings):
    settings.RALLY_IMPORT_MAX_BYTES = len(FILE) - 1
    with pytest.raises(errors.TooLarge):
        keep(new_run(tenant))
    assert files() == []


# --- a storage that is full or away ---


def test_a_full_disk_is_503_and_leaves_nothing(tenant, files):
    api = Api(tenant)
    with limited_files(ALLOWED):
        response = api.post_file("contacts", LARGE, to="plan")
    assert problem(response) == (503, errors.STORAGE_FULL)
    assert json.loads(response.content)["type"] == "/api/docs/problems#storage-unavailable"
    assert response["Retry-After"] == "5"
    assert not ImportRun.objects.exists()
    assert files() == []
    assert api.post_file("contacts", LARGE, to="plan").status_code == 201


def test_a_disk_that_is_full_while_a_file_comes_in_is_503(tenant):
    with limited_files(ALLOWED):
        response = Api(tenant).post_file("contacts", LARGE * 3, to="import")
    assert problem(response) == (503, errors.STORAGE_FULL)


@pytest.mark.parametrize("times", [1, 20], ids=["stored", "coming in"])
def test_a_full_disk_is_a_sentence_in_the_admin(tenant, files, times):
    staff = Staff(tenant, "editor")
    with limited_files(ALLOWED):
        response = staff.bring(LARGE * times)
    assert response.status_code == 503
    assert errors.STORAGE_FULL in words_of(response)
    assert not ImportRun.objects.exists()
    assert files() == []


def test_a_full_disk_is_a_sentence_in_the_shell(tenant, files, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(LARGE)
    with limited_files(ALLOWED), pytest.raises(UserError) as told:
        call_command("import", "contacts", str(path), "--tenant", "acme", "--plan")
    assert str(told.value) == f"{errors.STORAGE_FULL} ([Errno 27] File too large)"
    assert not ImportRun.objects.exists()
    assert files() == []


def test_a_plan_waits_for_a_storage_that_is_away(tenant, bucket_of_uploads):
    api = Api(tenant)
    plan = api.plan("contacts", FILE)
    bucket_of_uploads.stop()
    response = api.post(f"imports/{plan['id']}/apply")
    assert problem(response) == (503, errors.STORAGE_AWAY)
    assert not Contact.objects.exists()
    bucket_of_uploads.start()
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    assert Contact.objects.count() == 1


# --- a bucket ---


def test_a_bucket_has_the_files_until_their_runs_are_purged(tenant, bucket_of_uploads):
    api = Api(tenant)
    people = made(["first_name", "last_name", "email"], ["Ada", "Lovelace", "ada@example.com"])
    plans = [api.plan("contacts", FILE), api.plan("contacts", people)]
    assert bucket_of_uploads.names() == sorted(f"files/{tenant.pk}/{plan['id']}" for plan in plans)
    response = api.post(f"imports/{plans[1]['id']}/apply")
    assert json.loads(response.content)["imported"] == 1
    call_command("purge_imports", days=0)
    assert bucket_of_uploads.names() == []


# --- a file that is not as it was stored ---


def test_a_plan_whose_file_is_missing_fails_with_a_sentence(tenant, files):
    api = Api(tenant)
    plan = api.plan("contacts", FILE)
    files()[0].unlink()
    response = api.post(f"imports/{plan['id']}/apply")
    assert problem(response) == (409, str(errors.upload_missing()))
    assert json.loads(response.content)["type"] == "/api/docs/problems#upload-lost"
    run = api.look(f"imports/{plan['id']}")
    assert (run["status"], run["error"]) == ("failed", str(errors.upload_missing()))
    assert not Contact.objects.exists()


def test_a_changed_file_fails_a_confirmed_plan_and_its_page_shows_why(tenant, files):
    staff = Staff(tenant, "editor")
    run = staff.check(FILE)
    files()[0].write_text(FILE.replace("Ada", "Eve"))
    run = staff.confirm(run)
    assert (run.status, run.error) == ("failed", str(errors.upload_changed()))
    assert run.error in staff.run_page(run)
    assert not Contact.objects.exists()


def test_a_cut_file_fails_the_shell_with_a_sentence(tenant, files):
    plan = Api(tenant).plan("contacts", FILE)
    files()[0].write_text(FILE[:-1])
    with pytest.raises(UserError, match="The uploaded file has"):
        call_command("imports", "apply", plan["id"], "--tenant", "acme")


def test_a_file_that_is_lost_before_it_is_planned_fails_the_run(tenant, files):
    run = new_run(tenant)
    keep(run)
    files()[0].unlink()
    queue.enqueue(run)
    assert finished(run).error == str(errors.upload_missing())


# --- deleted after the run ---


def test_a_file_is_deleted_when_the_deletion_of_its_run_is_committed(tenant, files):
    run = new_run(tenant)
    keep(run)
    with transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).delete()
        assert len(files()) == 1
    assert files() == []


def test_a_deletion_that_is_taken_back_keeps_the_file(tenant, files):
    run = new_run(tenant)
    keep(run)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).delete()
        raise ZeroDivisionError
    assert len(files()) == 1


def test_the_files_of_a_tenant_go_with_it(tenant, files):
    globex = create_tenant(slug="globex", name="Globex")
    for owner in (tenant, globex):
        keep(new_run(owner))
    tenant.delete()
    assert [path.parent.name for path in files()] == [str(globex.pk)]


def test_a_file_that_cannot_be_deleted_now_does_not_keep_its_run(tenant, bucket_of_uploads, caplog):
    run = new_run(tenant)
    keep(run)
    bucket_of_uploads.stop()
    lifecycle.discard(run)
    assert not ImportRun.objects.exists()
    assert "An uploaded file could not be deleted" in caplog.text


# --- files without a run ---


def leave(folder, *, tenant, name=None, age=2 * DAY):
    """Leave a file of an age in seconds, as a process that is killed does."""
    path = folder / str(tenant.pk) / (name or str(uuid.uuid4()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FILE)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_files_without_a_run_are_purged(tenant, folder_of_uploads, files, capsys):
    keep(new_run(tenant))
    (kept,) = files()
    os.utime(kept, (time.time() - 2 * DAY,) * 2)
    leave(folder_of_uploads, tenant=tenant)
    young = leave(folder_of_uploads, tenant=tenant, age=DAY - 60)
    other = leave(folder_of_uploads, tenant=tenant, name="export.csv")
    call_command("purge_imports")
    assert capsys.readouterr().out == "0 imports purged.\n1 file without an import deleted.\n"
    assert files() == sorted([kept, young, other])


def test_an_upload_purges_old_files_without_a_run_of_its_tenant(tenant, folder_of_uploads, files):
    globex = create_tenant(slug="globex", name="Globex")
    leave(folder_of_uploads, tenant=tenant)
    theirs = leave(folder_of_uploads, tenant=globex)
    keep(new_run(tenant))
    assert len(files()) == 2
    assert theirs in files()


def test_files_without_a_run_are_purged_from_a_bucket(tenant, bucket_of_uploads, monkeypatch):
    run = new_run(tenant)
    keep(run)
    name = f"{tenant.pk}/{uuid.uuid4()}"
    with storages["uploads"].open(name, "wb") as file:
        file.write(b"x")
    assert retention.purge_orphans() == 0
    monkeypatch.setattr(retention, "ORPHANED", retention.ORPHANED * -1)
    assert retention.purge_orphans() == 1
    assert bucket_of_uploads.names() == [f"files/{run.upload_name}"]
