"""Records that were there before a migration are there after it."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from crm.models import Activity
from crm.models.tenant import create_tenant


def migrate(*targets):
    """Migrate to a state, and return its models."""
    MigrationExecutor(connection).migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.fixture
def migrate_back(transactional_db):
    """Take migrations of crm back, all that follow one; at the end all are there again."""
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield lambda name: migrate(("crm", name))
    migrate(*leaves)


def test_activities_are_kept_and_get_digests_of_their_bodies(migrate_back):
    tenant = create_tenant(slug="acme", name="Acme")
    before = migrate_back("0004_matching_keys").get_model("crm", "Activity")
    bodies = ["", "One", "x" * 10_000, "back\\slash", "東京"]
    for number, body in enumerate(bodies):
        values = {"subject": f"Call {number}", "subject_key": f"call {number}", "body": body}
        before.objects.create(tenant_id=tenant.pk, activity_type="call", **values)
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())
    assert list(Activity.objects.order_by("id").values_list("body", flat=True)) == bodies
    for number, body in enumerate(bodies):
        same = Activity(tenant_id=tenant.pk, activity_type="call", subject=f"CALL {number}", body=body)
        assert Activity.objects.bulk_create([same], ignore_conflicts=True)
    assert Activity.objects.count() == len(bodies)
    Activity.objects.create(tenant_id=tenant.pk, activity_type="call", subject="Call 0", body="Another")
