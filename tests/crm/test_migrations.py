"""Records that were there before a migration are there after it."""

from crm.models import Activity
from tests.support.migrating import migrate


def test_activities_are_kept_and_get_digests_of_their_bodies(database_of):
    former = database_of(("crm", "0004_matching_keys"))
    tenant = former.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    before = former.get_model("crm", "Activity")
    bodies = ["", "One", "x" * 10_000, "back\\slash", "東京"]
    for number, body in enumerate(bodies):
        values = {"subject": f"Call {number}", "subject_key": f"call {number}", "body": body}
        before.objects.create(tenant_id=tenant.pk, activity_type="call", **values)
    migrate()
    assert list(Activity.objects.order_by("id").values_list("body", flat=True)) == bodies
    for number, body in enumerate(bodies):
        same = Activity(tenant_id=tenant.pk, activity_type="call", subject=f"CALL {number}", body=body)
        assert Activity.objects.bulk_create([same], ignore_conflicts=True)
    assert Activity.objects.count() == len(bodies)
    Activity.objects.create(tenant_id=tenant.pk, activity_type="call", subject="Call 0", body="Another")
