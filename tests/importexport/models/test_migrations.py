"""What is kept from before stays, and is called by its new names."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from importexport.models import ImportRun

BEFORE = [("importexport", "0006_at_work")]
GROUP = {"column": "email", "sentence": 'a "kind": of', "example": "", "rows": 2}


def migrate(targets):
    """Migrate to a state, and return its models."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def before(transactional_db):
    """The models as they were, and at the end as they are."""
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("importexport")
    yield migrate(BEFORE)
    migrate(latest)


def test_runs_and_their_rows_are_kept_under_new_names(before):
    tenant = before.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    run = before.get_model("importexport", "ImportRun").objects.create(
        tenant=tenant, entity="contacts", door="api", status="refused", fault="The file is empty.",
        groups=[{"kind": "email", **GROUP}],
    )  # fmt: skip
    faults = [["email", "email", "Invalid email format 'x'"]]
    before.get_model("importexport", "SkippedRow").objects.create(run=run, number=2, cells=["x"], faults=faults)
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("importexport"))
    kept = ImportRun.objects.get()
    assert (kept.channel, kept.status, kept.error) == ("api", "failed", "The file is empty.")
    assert kept.groups == [{"code": "email", **GROUP}]
    assert kept.rejected_rows.get().errors == faults
    assert kept.kept_bytes > len(faults[0][2])


def test_the_new_names_can_be_taken_back(before):
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("importexport"))
    tenant = before.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    ImportRun.objects.create(
        tenant_id=tenant.pk, entity="contacts", channel="api", status="failed", groups=[{"code": "email", **GROUP}]
    )
    old = migrate(BEFORE).get_model("importexport", "ImportRun").objects.get()
    assert (old.door, old.status, old.groups) == ("api", "refused", [{"kind": "email", **GROUP}])
