"""Undo of activities, which a body or a completion time can make the same as another."""

import pytest

from crm.models import Activity
from tests.importexport.history.test_undo import brought, counts

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVITY = "activity_type,subject,body,completed_at\n"


def test_an_activity_that_is_there_by_now_is_not_given_back(api, tenant):
    api.import_csv("activities", ACTIVITY + "call,Hi,One,\ncall,Ho,One,\n")
    run = brought(api, "activities", ACTIVITY + "call,Hi,Two,\ncall,Ho,Two,\n", "mode=update")
    Activity.objects.create(tenant=tenant, activity_type="call", subject="hi", body="One")
    done = api.undo(run)
    assert counts(done) == {"updated": 1, "conflicts": 1}
    (row,) = api.look(f"imports/{done['id']}/rows?action=conflict")["results"]
    assert (row["row"], row["note"]) == (2, "Another activity is the same by now.")
    assert sorted(Activity.objects.values_list("subject", "body")) == [("Hi", "Two"), ("Ho", "One"), ("hi", "One")]


def test_activities_that_would_become_the_same_are_given_back_one_by_one(api, tenant):
    time = "2025-06-15T10:00:00Z"
    api.import_csv("activities", ACTIVITY + f"call,A,One,\ncall,B,Two,{time}\ncall,C,,\n")
    run = brought(api, "activities", ACTIVITY + f"call,A,Uno,{time}\ncall,B,Due,{time}\ncall,C,Tre,\n", "mode=update")
    # By hand, both become a call of which the undo would make the same.
    Activity.objects.filter(subject="A").update(subject="X", body="Two")
    Activity.objects.filter(subject="B").update(subject="X", completed_at=None)
    assert counts(api.undo(run)) == {"updated": 2, "conflicts": 2}
    assert Activity.objects.filter(subject="C", body="").exists()


def test_deleted_activities_come_back_with_their_bodies(api):
    content = ACTIVITY + "call,Hi,One,\ncall,Hi,Two,2025-06-15T10:00:00Z\n"
    run = brought(api, "activities", content)
    before = api.export("activities")
    back = api.undo(run)
    assert counts(back) == {"deleted": 2}
    assert counts(api.undo(back["id"])) == {"created": 2}
    assert api.export("activities") == before
    assert api.import_csv("activities", content)["skipped"] == 2


def test_a_deleted_activity_does_not_come_back_beside_its_like(api):
    run = brought(api, "activities", ACTIVITY + "call,Hi,One,\n")
    back = api.undo(run)
    api.import_csv("activities", ACTIVITY + "call,hi,One,\n")
    done = api.undo(back["id"])
    assert counts(done) == {"conflicts": 1}
    assert api.look(f"imports/{done['id']}/rows")["results"][0]["note"] == "Another activity is the same by now."
