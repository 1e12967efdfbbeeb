"""Undo shows a plan, reverts records that have not been edited since, and can be undone itself."""

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Activity, Company, Contact, Deal, Stage
from importexport.models import ImportRun
from tests.support.api import Api, problem

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone,company_name\n"


def brought(api, entity, content, query=""):
    """Import a file; return the import's id."""
    assert api.post_file(entity, content, query=query).status_code == 200
    return str(ImportRun.objects.first().pk)


def counts(run):
    return {name: run[name] for name in ("created", "updated", "deleted", "conflicts") if run[name]}


def test_created_records_are_deleted(api):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\nA,B,b@example.com,,\n")
    assert counts(api.undo(run)) == {"deleted": 2}
    assert not Contact.objects.exists()


def test_updated_records_are_restored(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\n")
    before = api.export("contacts")
    run = brought(api, "contacts", HEAD + "Eve,K,ada@example.com,2,Acme\n", "mode=upsert&missing=create")
    assert counts(api.undo(run)) == {"updated": 1, "deleted": 1}
    assert api.export("contacts") == before
    assert not Company.objects.exists()


def test_a_plan_shows_what_an_undo_would_do(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\n")
    run = brought(api, "contacts", HEAD + "Ada,L,ada@example.com,2,\nA,B,new@example.com,,\n", "mode=upsert")
    plan = api.plan_undo(run)
    assert (plan["kind"], plan["status"], plan["parent"], counts(plan)) == (
        "undo", "planned", run, {"updated": 1, "deleted": 1},
    )  # fmt: skip
    rows = api.look(f"imports/{plan['id']}/rows")["results"]
    assert [(row["row"], row["action"], row.get("changes")) for row in rows] == [
        (2, "update", {"phone": ["2", "1"]}),
        (3, "delete", None),
    ]
    assert Contact.objects.get(email="ada@example.com").phone == "2"


def test_a_record_edited_since_is_a_conflict(api):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\nA,B,b@example.com,,\n")
    contact = Contact.objects.get(email="a@example.com")
    contact.notes = "called"
    contact.save()
    done = api.undo(run)
    assert counts(done) == {"deleted": 1, "conflicts": 1}
    (row,) = api.look(f"imports/{done['id']}/rows?action=conflict")["results"]
    assert (row["row"], row["record"], row["note"]) == (2, contact.pk, "It has been edited since.")
    assert list(Contact.objects.all()) == [contact]


def test_conflicts_are_not_rejected_rows(api):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\n")
    Contact.objects.update(city="Bern", updated_at=timezone.now())
    done = api.undo(run)
    assert counts(done) == {"conflicts": 1}
    assert problem(api.get(f"imports/{done['id']}/rejected")) == (404, "This import has no rejected rows.")


def test_a_record_referred_to_since_is_a_conflict(api, tenant):
    run = brought(api, "companies", "name\nAcme\nUmbra\n")
    Contact.objects.create(
        tenant=tenant, first_name="A", last_name="B", email="a@example.com", company=Company.objects.get(name="Acme")
    )
    done = api.undo(run)
    assert counts(done) == {"deleted": 1, "conflicts": 1}
    (row,) = api.look(f"imports/{done['id']}/rows?action=conflict")["results"]
    assert (row["row"], row["note"]) == (2, "Other records refer to it.")


def test_only_the_fields_edited_since_are_conflicts(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\n")
    run = brought(api, "contacts", "email,phone,city\nada@example.com,2,Rome\n", "mode=update")
    contact = Contact.objects.get()
    contact.city = "Bern"
    contact.save()
    done = api.undo(run)
    contact.refresh_from_db()
    assert (contact.phone, contact.city, counts(done)) == ("1", "Bern", {"updated": 1, "conflicts": 1})
    (row,) = api.look(f"imports/{done['id']}/rows?action=conflict")["results"]
    assert row["changes"] == {"city": ["Bern", ""]}


def test_a_record_deleted_since_is_reported(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\n")
    run = brought(api, "contacts", "email,phone\nada@example.com,2\n", "mode=update")
    Contact.objects.all().delete()
    done = api.undo(run)
    assert counts(done) == {"conflicts": 1}
    assert api.look(f"imports/{done['id']}/rows")["results"][0]["note"] == "It has been deleted since."


def test_a_name_that_another_record_now_has_is_not_restored(api, tenant):
    api.import_csv("companies", "name,domain\nAcme,acme.com\n")
    run = brought(api, "companies", "name,domain\nAcme,acme.org\n", "mode=update")
    Company.objects.create(tenant=tenant, name="Other", domain="acme.com")
    done = api.undo(run)
    assert counts(done) == {"conflicts": 1}
    note = api.look(f"imports/{done['id']}/rows")["results"][0]["note"]
    assert note == "Another record now has its name, e-mail, domain or external id."


def test_an_external_id_that_another_record_now_has_is_not_restored(api):
    api.import_csv("companies", "name,external_id\nAcme,1\n")
    run = brought(api, "companies", "name,external_id\nAcme,2\n", "mode=update&match_on=name")
    api.import_csv("companies", "name,external_id\nOther,1\n")
    done = api.undo(run)
    (row,) = api.look(f"imports/{done['id']}/rows")["results"]
    assert row["changes"] == {"external_id": ["2", "1"]}
    assert row["note"] == "Another record now has its name, e-mail, domain or external id."


def test_an_undo_is_undone(api):
    api.import_csv("contacts", HEAD + "Ada,L,ada@example.com,1,\n")
    run = brought(
        api, "contacts", HEAD + "Eve,L,ada@example.com,,\nA,B,b@example.com,,New\n", "mode=upsert&missing=create"
    )
    after, ids = api.export("contacts"), set(Contact.objects.values_list("pk", flat=True))
    back = api.undo(run)
    assert Contact.objects.count() == 1
    again = api.undo(back["id"])
    assert counts(again) == {"created": 2, "updated": 1}
    assert (api.export("contacts"), set(Contact.objects.values_list("pk", flat=True))) == (after, ids)
    assert counts(api.undo(again["id"])) == {"deleted": 2, "updated": 1}


def test_a_partly_undone_import_can_be_undone_further(api):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\nA,B,b@example.com,,\n")
    contact = Contact.objects.get(email="a@example.com")
    stamp = contact.updated_at
    Contact.objects.filter(pk=contact.pk).update(notes="x", updated_at="2030-01-01T00:00Z")
    assert counts(api.undo(run)) == {"deleted": 1, "conflicts": 1}
    Contact.objects.filter(pk=contact.pk).update(notes="", updated_at=stamp)
    assert counts(api.undo(run)) == {"deleted": 1}
    assert counts(api.undo(run)) == {}


def test_a_recreated_record_needs_its_references(api, tenant):
    api.import_csv("companies", "name\nAcme\n")
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,Acme\n")
    back = api.undo(run)
    Company.objects.all().delete()
    again = api.undo(back["id"])
    assert counts(again) == {"conflicts": 1}
    assert api.look(f"imports/{again['id']}/rows")["results"][0]["note"] == "What it referred to no longer exists."


def test_a_created_stage_is_deleted_with_its_deals(api):
    stages = Stage.objects.count()
    run = brought(api, "deals", "name,stage_name,pipeline_name\nBig,Legal,Sales Pipeline\n", "missing=create")
    assert counts(api.undo(run)) == {"deleted": 2}
    assert (Deal.objects.count(), Stage.objects.count()) == (0, stages)


def test_the_last_stage_of_the_default_pipeline_stays(api, tenant):
    content = "name,stage_name\nBig,Legal\nSmall,Finance\n"
    run = brought(api, "deals", content, "missing=create")
    Stage.objects.exclude(name__in=["Legal", "Finance"]).delete()
    undo = api.undo(run)
    assert counts(undo) == {"deleted": 3, "conflicts": 1}
    assert [stage.name for stage in Stage.objects.all()] == ["Legal"]
    rows = api.look(f"imports/{undo['id']}/rows?action=conflict")["results"]
    assert [row["note"] for row in rows] == ["The default pipeline needs at least one stage."]


def test_a_stage_of_the_default_pipeline_is_deleted_if_another_one_stays(api, tenant):
    content = "name,stage_name\nBig,Legal\nSmall,Finance\n"
    run = brought(api, "deals", content, "missing=create")
    Stage.objects.exclude(name__in=["Legal", "Finance"]).delete()
    stage = Stage.objects.get(name="Finance")
    Deal.objects.create(tenant=tenant, name="Own", currency="EUR", probability=5, stage=stage, pipeline=stage.pipeline)
    assert counts(api.undo(run)) == {"deleted": 3, "conflicts": 1}
    assert [stage.name for stage in Stage.objects.all()] == ["Finance"]


def test_activities_are_undone(api):
    run = brought(api, "activities", "activity_type,subject\ncall,Hi\n")
    assert counts(api.undo(run)) == {"deleted": 1}
    assert not Activity.objects.exists()


def test_an_undo_that_no_longer_holds_names_what_changed(api):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\nA,B,b@example.com,,\n")
    plan = api.plan_undo(run)
    contact = Contact.objects.get(email="a@example.com")
    contact.save()
    status, detail = problem(api.post(f"imports/{plan['id']}/apply"))
    assert status == 409
    assert detail.startswith(f"The plan no longer holds. Row 2 was to delete record {contact.pk}")
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("how", ["plan", "refused", "purged"])
def test_what_cannot_be_undone(api, how):
    if how == "plan":
        run = api.plan("contacts", HEAD + "A,B,a@example.com,,\n")["id"]
    else:
        api.post_file("contacts", HEAD + "A,B,a@example.com,,\n" if how == "purged" else "x\n")
        run = ImportRun.objects.get().pk
    if how == "purged":
        ImportRun.objects.update(purged_at="2030-01-01T00:00Z")
    status, detail = problem(api.post(f"imports/{run}/undo"))
    assert status == 409
    assert detail in {
        "Only what was imported can be undone.",
        "What this import has changed is no longer kept, so it cannot be undone.",
    }


def test_another_tenants_import_is_not_undone(api, other_api, tenant):
    run = brought(api, "contacts", HEAD + "A,B,a@example.com,,\n")
    assert problem(other_api.post(f"imports/{run}/undo")) == (404, "There is no such import.")
    assert problem(Api(tenant, scope="read").post(f"imports/{run}/undo"))[0] == 403


CELL = st.sampled_from(["", "1", "2", "[clear]"])
NAMES = st.sampled_from(["", "Acme", "New", "Newer"])
ROWS = st.lists(st.tuples(st.integers(0, 5), CELL, CELL, NAMES), min_size=1, max_size=8)
QUERIES = st.sampled_from(
    [
        "",
        "missing=create",
        "mode=upsert",
        "mode=upsert&missing=create&blank=clear&clear_marker=[clear]",
        "mode=update&blank=fill&missing=create&clear_marker=[clear]",
    ]
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ROWS, QUERIES), min_size=1, max_size=3))
def test_undoing_any_mix_of_imports_restores_the_exports(api, tenant, files):
    for model in (Contact, Company):
        model.objects.all().delete()
    Company.objects.create(tenant=tenant, name="Acme")
    for n in range(3):
        Contact.objects.create(tenant=tenant, first_name="Ada", last_name="L", email=f"c{n}@example.com", phone="1")
    exports = lambda: (api.export("contacts"), api.export("companies"))  # noqa: E731
    before, states = exports(), []
    for rows, query in files:
        lines = [f"Ada,L,c{n}@example.com,{phone},{city},{company}\n" for n, phone, city, company in rows]
        states.append(
            (
                exports(),
                brought(
                    api, "contacts", "first_name,last_name,email,phone,city,company_name\n" + "".join(lines), query
                ),
            )
        )
    last, undone = exports(), []
    for state, run in reversed(states):
        undone.append(api.undo(run)["id"])
        assert exports() == state
    assert exports() == before
    for run in reversed(undone):
        api.undo(run)
    assert exports() == last


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "x", "y", "z"])), min_size=1, max_size=6),
    st.sampled_from(["mode=upsert", "mode=upsert&match_on=domain", "mode=update&blank=clear"]),
)
def test_names_and_domains_are_restored_as_well(api, tenant, rows, query):
    Company.objects.all().delete()
    Company.objects.create(tenant=tenant, name="a", domain="x")
    Company.objects.create(tenant=tenant, name="b", domain="y")
    before = api.export("companies")
    content = "name,domain\n" + "".join(f"{name},{domain}\n" for name, domain in rows)
    run = brought(api, "companies", content, query)
    assert counts(api.undo(run)).get("conflicts", 0) == 0
    assert api.export("companies") == before


DEAL = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["", "1", "2", "[clear]"]),
    st.sampled_from(["", "Lead", "Brand new"]),
    st.sampled_from(["", "Acme", "New"]),
)
ACTIVITY = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["", "x", "[clear]"]),
    st.sampled_from(["", "completed", "pending"]),
    st.sampled_from(["", "Acme", "New"]),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(DEAL, min_size=1, max_size=6),
    st.lists(ACTIVITY, min_size=1, max_size=6),
    st.sampled_from(
        [
            "mode=upsert&missing=create&clear_marker=[clear]",
            "mode=upsert&missing=create&blank=clear",
            "mode=update&blank=fill&clear_marker=[clear]",
        ]
    ),
)
def test_deals_activities_and_records_created_for_them_are_restored(api, tenant, deals, activities, query):
    for model in (Activity, Deal, Company):
        model.objects.all().delete()
    Stage.objects.filter(name="Brand new").delete()
    Company.objects.create(tenant=tenant, name="Acme")
    api.import_csv("deals", "name,value,company_name\na,1,Acme\nb,,\n")
    api.import_csv("activities", "activity_type,subject,body,company_name\ncall,a,x,Acme\ncall,b,,\n")

    def exports():
        stages = list(Stage.objects.order_by("pk").values_list("name", "position", "probability"))
        return [*map(api.export, ("deals", "activities", "companies")), stages]

    first = exports()
    rows = [f"{name},{value},Sales Pipeline,{stage},{company}\n" for name, value, stage, company in deals]
    one = brought(api, "deals", "name,value,pipeline_name,stage_name,company_name\n" + "".join(rows), query)
    second = exports()
    rows = [f"call,{subject},{body},{status},{company}\n" for subject, body, status, company in activities]
    two = brought(api, "activities", "activity_type,subject,body,status,company_name\n" + "".join(rows), query)
    last = exports()
    undone_two = api.undo(two)["id"]
    assert exports() == second
    undone_one = api.undo(one)["id"]
    assert exports() == first
    api.undo(undone_one)
    assert exports() == second
    api.undo(undone_two)
    assert exports() == last
