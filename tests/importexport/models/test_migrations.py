"""What is kept from before stays, and is called by its new names."""

import datetime as dt
import hashlib
import uuid
from functools import partial
from importlib import import_module

import pytest
from django.core.management.base import CommandError
from django.db import connection

from crm.models.tenant import create_tenant
from importexport.db import this_month
from importexport.db.months import create_partition
from importexport.models import ImportRun, KeptAnswer, RejectedRow, RowChange, RowLogPage
from importexport.runs import retention
from tests.support.disks import limited_files
from tests.support.migrating import migrate, models_of

BEFORE, WHOLE = ("importexport", "0006_at_work"), ("importexport", "0020_upload_parts_gone")
PARTS, MOVED = ("importexport", "0017_keys_by_id_gone"), ("importexport", "0019_uploads_moved")
GROUP = {"column": "email", "sentence": 'a "kind": of', "example": "", "rows": 2}


@pytest.fixture
def before(database_of):
    """The models as they were."""
    return database_of(BEFORE)


def test_runs_and_their_rows_are_kept_under_new_names(before):
    tenant = before.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    run = before.get_model("importexport", "ImportRun").objects.create(
        tenant=tenant, entity="contacts", door="api", status="refused", fault="The file is empty.",
        groups=[{"kind": "email", **GROUP}],
    )  # fmt: skip
    faults = [["email", "email", "Invalid email format 'x'"]]
    before.get_model("importexport", "SkippedRow").objects.create(run=run, number=2, cells=["x"], faults=faults)
    migrate()
    kept = ImportRun.objects.get()
    assert (kept.channel, kept.status, kept.error) == ("api", "failed", "The file is empty.")
    assert kept.groups == [{"code": "email", **GROUP}]
    assert kept.rejected_rows.get().errors == faults
    assert kept.kept_bytes > len(faults[0][2])


def test_the_new_names_can_be_taken_back(database_of):
    database_of()
    tenant = create_tenant(slug="acme", name="Acme")
    ImportRun.objects.create(
        tenant_id=tenant.pk, entity="contacts", channel="api", status="failed", groups=[{"code": "email", **GROUP}]
    )
    old = migrate(BEFORE).get_model("importexport", "ImportRun").objects.get()
    assert (old.door, old.status, old.groups) == ("api", "refused", [{"kind": "email", **GROUP}])


# --- the row log in partitions ---


@pytest.fixture
def whole(database_of):
    """The models as they were before the row log was in partitions."""
    return database_of(WHOLE)


def log_rows(get, numbers, **month):
    """Log rejected rows and changes of a new run; return their ids, and the run's."""
    tenant = get("crm", "Tenant").objects.first() or get("crm", "Tenant").objects.create(slug="acme", name="Acme")
    own = {"tenant_id": tenant.pk, **month}
    run = get("importexport", "ImportRun").objects.create(entity="contacts", channel="api", status="done", **own)
    rejected, changes = get("importexport", "RejectedRow").objects, get("importexport", "RowChange").objects
    update = {"action": "update", "entity": "contacts", "record": 1, "changes": {"phone": ["1", "2"]}}
    ids = [
        (rejected.create(run=run, number=n, cells=["x"], errors=[], **own).pk,
         changes.create(run=run, number=n, **update, **own).pk)
        for n in numbers
    ]  # fmt: skip
    return ids, run.pk


def test_the_row_log_is_partitioned_with_its_ids_and_goes_on_counting(whole):
    ids, run = log_rows(whole.get_model, [7, 3, 5])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE importexport_rowchange ALTER id SET START 1 SET MAXVALUE 5000000")
    latest = migrate()
    run = ImportRun.objects.get(pk=run)
    assert list(RejectedRow.objects.of(run).order_by("id").values_list("id", "number")) == [
        (rejected, number) for (rejected, _), number in zip(ids, (7, 3, 5), strict=True)
    ]
    assert list(RowChange.objects.of(run).values_list("number", "changes")) == [
        (number, {"phone": ["1", "2"]}) for number in (3, 5, 7)
    ]
    more, _ = log_rows(latest.get_model, [2], month=run.month)
    assert more == [(rejected + 1, change + 1) for rejected, change in ids[-1:]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT max_value FROM pg_sequences WHERE sequencename = 'importexport_rowchange_id_seq'")
        assert cursor.fetchone() == (5000000,)
        cursor.execute("ALTER SEQUENCE importexport_rowchange_id_seq NO MAXVALUE")


def test_the_partitions_can_be_taken_back(database_of):
    latest = database_of()
    ids, run = log_rows(latest.get_model, [2, 3], month=this_month())
    retention.purge(days=0)
    kept, other = log_rows(latest.get_model, [4], month=this_month())
    old = migrate(WHOLE).get_model
    rejected, changes = old("importexport", "RejectedRow").objects, old("importexport", "RowChange").objects
    assert list(rejected.values_list("run", "id", "number")) == [(other, kept[0][0], 4)]
    assert list(changes.order_by("number").values_list("run", "id", "number", "changes")) == [
        (run, ids[0][1], 2, {}), (run, ids[1][1], 3, {}), (other, kept[0][1], 4, {"phone": ["1", "2"]}),
    ]  # fmt: skip
    assert log_rows(old, [5])[0] == [(kept[0][0] + 1, kept[0][1] + 1)]


VALID = """
SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relname LIKE 'rowchange_created%' AND i.indisvalid ORDER BY 1
"""


def test_each_month_gets_the_index_of_created_records_though_an_attempt_was_interrupted(database_of):
    database_of(("importexport", "0036_untold"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'importexport_rowchange'::regclass"
        )
        months = sorted(name for (name,) in cursor)
        cursor.execute(
            "CREATE INDEX rowchange_created ON ONLY importexport_rowchange (run_id, number) WHERE action = 'create'"
        )
        cursor.execute("CREATE INDEX rowchange_created_past ON importexport_rowchange_past (id)")
        create_partition(cursor, "importexport_rowchange", dt.date(2001, 2, 1))
    assert len(months) == 3
    migrate()
    with connection.cursor() as cursor:
        cursor.execute(VALID)
        valid = [name for (name,) in cursor]
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'rowchange_created'::regclass")
        assert cursor.fetchone() == (4,)
    assert {"rowchange_created", "rowchange_created_past"} < set(valid)
    migrate(("importexport", "0036_untold"))
    with connection.cursor() as cursor:
        cursor.execute(VALID)
        assert not cursor.rowcount


# --- tenants ---


def test_what_belongs_to_runs_gets_their_tenants_batch_by_batch(before, monkeypatch):
    monkeypatch.setattr(import_module("importexport.migrations.0014_tenant_filled"), "ROWS_AT_ONCE", 2)
    get = partial(before.get_model, "importexport")
    owners = []
    for slug in ("acme", "umbrella"):
        tenant = before.get_model("crm", "Tenant").objects.create(slug=slug, name=slug)
        key = before.get_model("crm", "ApiKey").objects.create(tenant=tenant, name="ci", digest=slug)
        run = get("ImportRun").objects.create(tenant=tenant, entity="contacts", door="api", status="done")
        get("KeptAnswer").objects.create(key=key, run=run, name="once", digest="", status=200)
        for number in (2, 3, 4):
            get("SkippedRow").objects.create(run=run, number=number, cells=[], faults=[])
            get("RowChange").objects.create(run=run, number=number, action="update", entity="contacts", record=1)
            get("UploadPart").objects.create(run=run, position=number, content=b"")
        bounds = {"first_number": 2, "last_number": 4, "first_id": 1, "last_id": 3}
        get("LedgerPage").objects.create(run=run, action="create", numbers=[2], ids=[1], counts=[3], **bounds)
        owners.append((tenant.pk, run.pk))
    get("SkippedRow").objects.create(run_id=uuid.uuid4(), number=2, cells=[], faults=[])
    migrate()
    for model, count in {KeptAnswer: 1, RejectedRow: 3, RowChange: 3, RowLogPage: 1}.items():
        assert sorted(model.objects.values_list("tenant", "run")) == sorted(owners * count)


# --- uploads ---

CONTENTS = [[b"a" * 1024 * 1024, b"b"], [b"", b"c"], [b"d"]]


@pytest.fixture
def in_parts(database_of):
    """The models while uploads were parts in the database."""
    return database_of(PARTS)


def fill(apps, contents):
    """Store an upload of parts for each of the contents; return the runs."""
    tenant = apps.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    runs = []
    for content in contents:
        size, sha256 = len(b"".join(content)), hashlib.sha256(b"".join(content)).hexdigest()
        about = {"tenant": tenant, "entity": "contacts", "channel": "api", "status": "planned"}
        runs.append(apps.get_model("importexport", "ImportRun").objects.create(size=size, sha256=sha256, **about))
        for position, part in enumerate(content):
            apps.get_model("importexport", "UploadPart").objects.create(
                tenant=tenant, run=runs[-1], position=position, content=part
            )
    return runs


def uploads():
    """Return the content of each upload, in the order of the runs."""
    found = []
    for run in ImportRun.objects.order_by("created_at"):
        with run.open_upload() as file:
            found.append(file.read())
    return found


def test_uploads_move_into_the_storage(in_parts, folder_of_uploads):
    fill(in_parts, CONTENTS)
    migrate()
    assert uploads() == [b"".join(content) for content in CONTENTS]
    assert "importexport_uploadpart" not in connection.introspection.table_names()


def test_uploads_stay_where_they_are_if_the_storage_takes_none(in_parts, folder_of_uploads):
    fill(in_parts, CONTENTS)
    with limited_files(1024 * 1024), pytest.raises(CommandError) as stopped:
        migrate()
    assert str(stopped.value).endswith("that are not moved yet are where they were; run manage.py migrate again.")
    parts = in_parts.get_model("importexport", "UploadPart").objects.order_by("run__created_at", "position")
    assert [bytes(part.content) for part in parts][:2] == CONTENTS[0]
    migrate()
    assert uploads() == [b"".join(content) for content in CONTENTS]


def test_uploads_can_be_moved_back(in_parts, folder_of_uploads):
    (run,) = fill(in_parts, CONTENTS[:1])
    migrate()
    parts = migrate(PARTS).get_model("importexport", "UploadPart").objects.order_by("position")
    assert [(part.run_id, bytes(part.content)) for part in parts] == [(run.pk, content) for content in CONTENTS[0]]
    assert not [path for path in folder_of_uploads.rglob("*") if path.is_file()]


def test_an_upload_that_an_older_process_stores_meanwhile_is_moved_too(database_of, folder_of_uploads):
    database_of(MOVED)
    fill(models_of(PARTS), CONTENTS[:1])
    migrate()
    assert uploads() == [b"".join(CONTENTS[0])]
