"""What is kept of imports is limited: the rejected rows of each, and all that a tenant has."""

import io
import json
import re

import pytest
from django.core.management import call_command
from django.utils import timezone

from crm.management.base import UserError
from crm.models import Contact
from importexport.models import ImportRun, RejectedRow
from tests.support.api import problem

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "first_name,last_name,email\n"
BAD = "Ada,,\n"
REJECTED = "Required field 'last_name' is empty; Required field 'email' is empty"
NO_ROOM = (
    "Your imports keep more than the limit of {} bytes: uploads, rejected rows and changes."
    " Discard plans that are not needed, or wait until older imports are purged."
)


@pytest.fixture
def few(monkeypatch):
    """Three rejected rows are kept instead of 100,000."""
    for module in ("kept", "recorder"):
        monkeypatch.setattr(f"importexport.history.{module}.REJECTED_ROWS", 3)


def test_a_hundred_thousand_rejected_rows_are_kept_and_all_are_named(api):
    count = 100_010
    result = api.import_csv("contacts", HEADER + BAD * count)
    assert (result["skipped"], len(result["errors"])) == (count, count)
    assert result["errors"][-1] == f"Row {count + 1}: {REJECTED}"
    assert RejectedRow.objects.count() == 100_000
    run = ImportRun.objects.get()
    detail = api.look(f"imports/{run.pk}")
    assert (detail["skipped"], detail["rejectedKept"]) == (count, 100_000)
    assert [group["rows"] for group in run.groups] == [count, count]
    rejected = api.get(f"imports/{run.pk}/rejected").getvalue().decode().splitlines()
    assert len(rejected) == 1 + 100_000
    assert rejected[-1] == f'Ada,,,100001,"Row 100001: {REJECTED}"'


def test_of_fewer_rejected_rows_all_are_kept(api, few):
    api.import_csv("contacts", HEADER + BAD * 3)
    assert api.look(f"imports/{ImportRun.objects.get().pk}")["rejectedKept"] == 3


@pytest.mark.parametrize("to", ["import", "plan"])
def test_the_first_rejected_rows_are_kept_of_several_batches(api, few, to):
    api.post_file("contacts", HEADER + BAD * 2 + "A,B,a@x.example\n" * 4000 + BAD * 2, to=to)
    assert list(RejectedRow.objects.order_by("number").values_list("number", flat=True)) == [2, 3, 5]
    assert ImportRun.objects.get().skipped == 4 + 3999


def test_a_repeated_request_says_how_many_messages_are_missing(api, few):
    first = api.post_file("contacts", HEADER + BAD * 5, **{"Idempotency-Key": "one"})
    assert len(json.loads(first.getvalue())["errors"]) == 5
    again = json.loads(api.post_file("contacts", HEADER + BAD * 5, **{"Idempotency-Key": "one"}).getvalue())
    assert again["skipped"] == 5
    assert again["errors"] == [
        *[f"Row {n}: {REJECTED}" for n in (2, 3, 4)],
        "2 more rows were rejected, of which nothing is kept",
    ]


def test_a_plan_with_more_rejected_rows_than_are_kept_is_applied_and_undone(api, few):
    plan = api.plan("contacts", HEADER + BAD * 5 + "Ada,Lovelace,ada@x.example\n")
    assert (plan["skipped"], plan["imported"]) == (5, 1)
    response = api.post(f"imports/{plan['id']}/apply")
    assert len(json.loads(response.getvalue())["errors"]) == 5
    assert Contact.objects.count() == 1
    api.undo(plan["id"])
    assert Contact.objects.count() == 0


def test_corrected_rows_count_although_others_are_not_kept(api, few):
    api.import_csv("contacts", HEADER + BAD * 5)
    run = ImportRun.objects.get()
    rejected = api.get(f"imports/{run.pk}/rejected").getvalue().decode()
    api.import_csv("contacts", rejected.replace("Ada,,,2,", "Ada,Lovelace,ada@x.example,2,"))
    related = api.look(f"imports/{run.pk}")["relatedRuns"]
    assert (related["totalRows"], related["repaired"], related["left"]) == (5, 1, 4)


def test_the_page_of_the_import_says_how_many_are_kept(api, few, superuser):
    api.import_csv("contacts", HEADER + BAD * 5)
    page = superuser.get(f"/admin/importexport/importrun/{ImportRun.objects.get().pk}/change/").content.decode()
    assert "Only the first 3 rows are kept: in this list, and in the file to correct." in page


def test_the_shell_says_how_many_are_kept(api, few, tenant, capsys):
    api.import_csv("contacts", HEADER + BAD * 5)
    for what in ("rejected", "rows"):
        call_command("imports", what, str(ImportRun.objects.get().pk), tenant=tenant.slug)
        assert capsys.readouterr().err == "Only the first 3 of 5 rejected rows are kept.\n"


# --- all that a tenant has ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "query", "least"),
    [
        (HEADER + "A,B,a@x.example\n", "", 0),
        (HEADER + BAD * 20, "", 20 * 100),
        (HEADER + "A,New,c@x.example\n", "mode=upsert&match_on=email", 50),
    ],
)
def test_rejected_rows_and_changes_are_measured(api, tenant, content, query, least):
    Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="c@x.example")
    api.import_csv("contacts", content, query)
    measured = ImportRun.objects.get().kept_bytes
    assert measured >= least
    assert bool(measured) == bool(least)


def test_the_upload_of_a_plan_is_measured_also_when_it_is_applied(api):
    content = HEADER + "A,B,a@x.example\n"
    plan = api.plan("contacts", content)
    assert ImportRun.objects.get().kept_bytes == len(content)
    api.post(f"imports/{plan['id']}/apply")
    assert ImportRun.objects.get().kept_bytes == len(content)


@pytest.mark.parametrize("to", ["import", "plan"])
def test_beyond_the_limit_files_are_refused_with_413(api, other_api, settings, to):
    settings.RALLY_IMPORT_KEEP_BYTES = 1000
    api.import_csv("contacts", HEADER + BAD * 20)
    response = api.post_file("contacts", HEADER + "A,B,a@x.example\n", to=to)
    assert problem(response) == (413, NO_ROOM.format(1000))
    assert json.loads(response.content)["type"] == "/api/docs/problems#no-room"
    assert (Contact.objects.count(), ImportRun.objects.count()) == (0, 1)
    other_api.import_csv("contacts", HEADER + "A,B,a@x.example\n")


def test_discarding_a_plan_makes_room(api, settings, superuser):
    settings.RALLY_IMPORT_KEEP_BYTES = 1000
    plan = api.plan("contacts", HEADER + "A,B,a@x.example\n" * 100)
    assert api.post_file("contacts", HEADER).status_code == 413
    superuser.post(f"/admin/importexport/importrun/{plan['id']}/discard/")
    assert not ImportRun.objects.exists()
    assert api.post_file("contacts", HEADER).status_code == 200


@pytest.mark.parametrize("is_purged", [True, False])
def test_what_is_older_than_the_limit_of_days_does_not_count(api, settings, is_purged):
    settings.RALLY_IMPORT_KEEP_BYTES = 1000
    api.import_csv("contacts", HEADER + BAD * 20)
    ImportRun.objects.update(created_at=timezone.now() - timezone.timedelta(days=31))
    if is_purged:
        call_command("purge_imports")
    assert api.post_file("contacts", HEADER).status_code == 200


def test_no_limit(api, settings):
    settings.RALLY_IMPORT_KEEP_BYTES = 0
    api.import_csv("contacts", HEADER + BAD * 20)
    assert api.post_file("contacts", HEADER).status_code == 200


def test_plans_are_applied_and_imports_undone_beyond_the_limit(api, settings):
    plan = api.plan("contacts", HEADER + "A,B,a@x.example\n" + BAD * 20)
    settings.RALLY_IMPORT_KEEP_BYTES = 1
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    api.undo(plan["id"])
    assert not Contact.objects.exists()


def test_the_admin_says_why_a_file_is_refused(api, settings, superuser):
    settings.RALLY_IMPORT_KEEP_BYTES = 1000
    api.import_csv("contacts", HEADER + BAD * 20)
    superuser.post("/admin/tenant/", {"tenant": api.tenant.pk})
    file = io.BytesIO(HEADER.encode())
    file.name = "contacts.csv"
    page = superuser.post("/admin/crm/contact/import/", {"file": file, "mode": "create"})
    assert NO_ROOM.format(1000) in page.content.decode()
    assert ImportRun.objects.count() == 1


def test_the_shell_says_why_a_file_is_refused(api, settings, tenant, tmp_path):
    settings.RALLY_IMPORT_KEEP_BYTES = 1000
    api.import_csv("contacts", HEADER + BAD * 20)
    path = tmp_path / "contacts.csv"
    path.write_text(HEADER)
    with pytest.raises(UserError, match=re.escape(NO_ROOM.format(1000))):
        call_command("import", "contacts", str(path), tenant=tenant.slug)
