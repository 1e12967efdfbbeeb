"""Plans: what they say, applying them with exactly that result, and what prevents it."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Company, Contact
from importexport.engine.options import Options
from importexport.models import ImportRun, RowChange, RowLogPage
from importexport.runs import lifecycle
from tests.support.api import Api, problem
from tests.support.staff import finished

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone,company_name\n"
#: One row of each kind.
MIXED = (
    HEAD
    + "Alan,Turing,alan@example.com,,\nAda,Lovelace,ada@example.com,2,Acme\nGrace,Hopper,grace@example.com,,\n"
    + "A,B,x,,\nA,B,c@example.com,,Acmee\n"
)
UPSERT = "mode=upsert"


@pytest.fixture
def people(tenant):
    Company.objects.create(tenant=tenant, name="Acme")
    ada = Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com", phone="1"
    )
    grace = Contact.objects.create(tenant=tenant, first_name="Grace", last_name="Hopper", email="grace@example.com")
    return ada, grace


def counts(run):
    return {name: run[name] for name in ("created", "updated", "unchanged", "skipped", "imported", "totalRows")}


def test_a_plan_counts_and_stores_nothing(api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    assert (plan["status"], plan["entity"], plan["options"]["mode"]) == ("planned", "contacts", "upsert")
    assert counts(plan) == {
        "created": 1, "updated": 1, "unchanged": 1, "skipped": 2, "imported": 3, "totalRows": 5,
    }  # fmt: skip
    assert Contact.objects.count() == 2
    assert Contact.objects.get(email="ada@example.com").phone == "1"
    assert api.look(f"imports/{plan['id']}") == plan


def test_a_plan_has_the_outcome_of_each_row(api, people):
    ada, grace = people
    plan = api.plan("contacts", MIXED, UPSERT)
    rows = api.look(f"imports/{plan['id']}/rows")
    entity = {"entity": "contacts"}
    assert rows == {
        "next": None,
        "results": [
            {"row": 2, "action": "create", "record": None} | entity,
            {
                "row": 3,
                "action": "update",
                "record": ada.pk,
                "changes": {"phone": ["1", "2"], "company_name": ["", "Acme"]},
            }
            | entity,
            {"row": 4, "action": "unchanged", "record": grace.pk} | entity,
            {
                "row": 5,
                "action": "reject",
                "record": None,
                "error": "Row 5: Invalid email format 'x'",
                "errors": [
                    {"column": "email", "code": "email", "value": "x", "message": "Invalid email format 'x'"},
                ],
                "cells": ["A", "B", "x", "", ""],
            }
            | entity,
            {
                "row": 6,
                "action": "reject",
                "record": None,
                "error": "Row 6: Company 'Acmee' not found (did you mean 'Acme'?)",
                "errors": [
                    {
                        "column": "company_name",
                        "code": "not_found",
                        "value": "Acmee",
                        "message": "Company 'Acmee' not found (did you mean 'Acme'?)",
                    },
                ],
                "cells": ["A", "B", "c@example.com", "", "Acmee"],
                "didYouMean": {"company_name": ["Acme"]},
            }
            | entity,
        ],
    }


def test_changed_cells_are_in_template_order(api):
    api.import_csv("contacts", "first_name,last_name,email\nAda,L,ada@example.com\n")
    plan = api.plan("contacts", "notes,tags,city,last_name,email\nn,t,c,K,ada@example.com\n", "mode=update")
    row = api.look(f"imports/{plan['id']}/rows")["results"][0]
    assert list(row["changes"]) == ["last_name", "city", "tags", "notes"]


@pytest.mark.parametrize(
    ("entity", "there", "row", "error"),
    [
        ("contacts", HEAD + "A,B,ada@example.com,,\n", "email\nada@exampel.com\n",
         "Row 2: Contact 'ada@exampel.com' not found (did you mean 'ada@example.com'?)"),
        ("companies", "name\nGlobex Group\n", "name\nGlobex Goup\n",
         "Row 2: Company 'Globex Goup' not found (did you mean 'Globex Group'?)"),
        ("contacts", HEAD + "A,B,ada@xn--kln-sna.example,,\n", "email\nadda@köln.example\n",
         "Row 2: Contact 'adda@köln.example' not found (did you mean 'ada@xn--kln-sna.example'?)"),
        ("deals", "name\nBig one\n", "name\nBig won\n", "Row 2: Deal 'Big won' not found (did you mean 'Big one'?)"),
        ("activities", "activity_type,subject\ncall,Hi\n", "activity_type,subject\nnote,Hi\n",
         "Row 2: Activity 'Hi' not found"),
    ],
)  # fmt: skip
def test_a_reference_that_is_not_found_has_a_suggestion(api, entity, there, row, error):
    api.import_csv(entity, there)
    plan = api.plan(entity, row, "mode=update")
    (rejected,) = api.look(f"imports/{plan['id']}/rows")["results"]
    assert rejected["error"] == error


@pytest.mark.parametrize(
    ("action", "numbers"), [("create", [2]), ("update", [3]), ("unchanged", [4]), ("reject", [5, 6]), ("delete", [])]
)
def test_rows_can_be_filtered_by_action(api, people, action, numbers):
    plan = api.plan("contacts", MIXED, UPSERT)
    found = api.look(f"imports/{plan['id']}/rows?action={action}")["results"]
    assert [row["row"] for row in found] == numbers


def test_rows_are_paginated(api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    path, seen = f"imports/{plan['id']}/rows?limit=2", []
    while path:
        page = api.look(path)
        seen.append([row["row"] for row in page["results"]])
        path = page["next"] and page["next"].removeprefix("/api/v1/importexport/")
    assert seen == [[2, 3], [4, 5], [6]]


def test_rows_can_be_downloaded_as_csv(api, people):
    ada, grace = people
    plan = api.plan("contacts", MIXED, UPSERT)
    response = api.get(f"imports/{plan['id']}/rows?format=csv", Accept="text/csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(response.getvalue().decode(), newline=""))) == [
        ["import_row", "action", "entity", "record", "column", "before", "after", "import_error"],
        ["2", "create", "contacts", "", "", "", "", ""],
        ["3", "update", "contacts", str(ada.pk), "phone", "1", "2", ""],
        ["3", "update", "contacts", str(ada.pk), "company_name", "", "Acme", ""],
        ["4", "unchanged", "contacts", str(grace.pk), "", "", "", ""],
        ["5", "reject", "contacts", "", "", "", "", "Row 5: Invalid email format 'x'"],
        ["6", "reject", "contacts", "", "", "", "", "Row 6: Company 'Acmee' not found (did you mean 'Acme'?)"],
    ]


def test_a_plan_is_applied(api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    response = api.post(f"imports/{plan['id']}/apply")
    assert (response.status_code, json.loads(response.content)) == (
        200,
        {
            "totalRows": 5,
            "imported": 3,
            "skipped": 2,
            "errors": ["Row 5: Invalid email format 'x'", "Row 6: Company 'Acmee' not found"],
        },
    )
    assert Contact.objects.get(email="ada@example.com").phone == "2"
    done = api.look(f"imports/{plan['id']}")
    assert (done["status"], counts(done)) == ("done", counts(plan))
    created = Contact.objects.get(email="alan@example.com")
    (row,) = api.look(f"imports/{plan['id']}/rows?action=create")["results"]
    assert row["record"] == created.pk


def test_a_plan_is_applied_once(api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    assert problem(api.post(f"imports/{plan['id']}/apply")) == (
        409,
        "This has been imported already; a plan is applied only once.",
    )


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (
            lambda: Contact.objects.filter(email="ada@example.com").update(phone="7"),
            "Row 3 was to update record {ada} (phone '1' → '2', company_name '' → 'Acme');"
            " now: update record {ada} (phone '7' → '2', company_name '' → 'Acme')",
        ),
        (
            lambda: Contact.objects.filter(email="grace@example.com").delete(),
            "Row 4 was to leave record {grace} as it is; now: create a record",
        ),
        (
            lambda: Company.objects.create(tenant_id=Company.objects.get().tenant_id, name="Acmee"),
            "Row 6 was to be rejected (Company 'Acmee' not found); now: create a record",
        ),
    ],
)
def test_a_plan_that_no_longer_holds_names_what_changed(api, people, change, detail):
    ada, grace = people
    plan = api.plan("contacts", MIXED, UPSERT)
    change()
    before = api.export("contacts")
    status, said = problem(api.post(f"imports/{plan['id']}/apply"))
    expected = detail.format(ada=ada.pk, grace=grace.pk)
    assert (status, said) == (
        409,
        f"The plan no longer holds. {expected}. Nothing was stored; plan the file again.",
    )
    assert api.export("contacts") == before
    assert api.look(f"imports/{plan['id']}")["status"] == "planned"
    # The search for differences leaves nothing behind.
    assert set(RowLogPage.objects.values_list("run", flat=True)) == {ImportRun.objects.get().pk}


def test_a_kept_file_is_planned_again_with_other_options(api, people):
    run = ImportRun.objects.get(pk=api.plan("contacts", MIXED)["id"])
    lifecycle.plan_again(run, options=Options(mode="upsert", match_on="email"))
    run = finished(run)
    assert (run.status, run.options["mode"], run.options["match_on"]) == ("planned", "upsert", "email")
    assert run.counts == {"create": 1, "update": 1, "unchanged": 1, "reject": 2}


def test_unrelated_changes_do_not_affect_a_plan(api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    Contact.objects.filter(email="ada@example.com").update(notes="called", city="London")
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200


def test_a_setting_that_changes_stored_values_invalidates_a_plan(api, tenant):
    plan = api.plan("deals", "name,value\nBig,10\n")
    type(tenant).objects.update(currency="EUR")
    status, said = problem(api.post(f"imports/{plan['id']}/apply"))
    assert status == 409
    assert said.startswith("The plan no longer holds: what its rows would store has changed")


def test_a_plan_of_another_tenant_is_not_found(api, other_api, people):
    plan = api.plan("contacts", MIXED, UPSERT)
    for path in ("", "/rows", "/rejected"):
        assert problem(other_api.get(f"imports/{plan['id']}{path}")) == (404, "There is no such import.")
    assert problem(other_api.post(f"imports/{plan['id']}/apply")) == (404, "There is no such import.")
    assert other_api.look("imports")["results"] == []


@pytest.mark.parametrize("run_id", ["1", "nonsense", "5e0ee0f4-6a1b-4b1c-9d55-1c8c1b6d0b5e", "%00"])
def test_an_unknown_import_is_404(api, run_id):
    assert api.get(f"imports/{run_id}").status_code == 404
    assert api.post(f"imports/{run_id}/apply").status_code == 404


def test_a_plan_needs_the_same_scope_as_an_import(tenant, people):
    reader, writer = Api(tenant, scope="read"), Api(tenant, scope="write")
    assert problem(reader.post_file("contacts", MIXED, to="plan"))[0] == 403
    plan = writer.plan("contacts", MIXED, UPSERT)
    assert problem(reader.post(f"imports/{plan['id']}/apply"))[0] == 403
    assert reader.look(f"imports/{plan['id']}")["id"] == plan["id"]


def test_a_file_that_cannot_be_read_is_recorded_as_failed(api):
    status, detail = problem(api.post_file("contacts", "first_name\nA\n", to="plan"))
    assert status == 400
    (run,) = api.look("imports")["results"]
    assert (run["status"], run["fault"]) == ("failed", detail)
    assert problem(api.post(f"imports/{run['id']}/apply"))[0] == 409


def test_a_file_that_fails_half_way_leaves_no_row_log(api):
    good = "".join(f"A,B,a{n}@example.com,\n" for n in range(5000))
    status, _ = problem(api.post_file("contacts", HEAD.encode() + good.encode() + b'"\xff', to="plan"))
    assert (status, ImportRun.objects.get().status) == (400, "failed")
    assert not RowLogPage.objects.exists()


def test_created_companies_are_planned_and_applied(api):
    content = HEAD + "A,B,a@example.com,,New\nA,B,b@example.com,,new\n"
    plan = api.plan("contacts", content, "missing=create")
    assert plan["references"] == {"companies": 1}
    assert not Company.objects.exists()
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    assert Company.objects.get().contacts.count() == 2
    rows = api.look(f"imports/{plan['id']}/rows?action=create")["results"]
    assert [(row["row"], row["entity"]) for row in rows] == [(2, "contacts"), (2, "companies"), (3, "contacts")]
    assert rows[1]["record"] == Company.objects.get().pk


CELL = st.sampled_from(["", "1", "2", "[clear]"])
ROW = st.tuples(
    st.integers(0, 5), st.sampled_from(["", "Ada", "Bob"]), CELL, CELL, st.sampled_from(["", "Acme", "New"])
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(ROW, min_size=1, max_size=8),
    st.sampled_from(["update", "upsert"]),
    st.sampled_from(["keep", "clear", "fill"]),
    st.sampled_from(["reject", "create"]),
)
def test_applying_a_plan_gives_exactly_the_planned_result(api, tenant, rows, mode, blank, missing):
    Contact.objects.all().delete()
    Company.objects.all().delete()
    Company.objects.create(tenant=tenant, name="Acme")
    for n in range(3):
        Contact.objects.create(tenant=tenant, first_name="Ada", last_name="L", email=f"c{n}@example.com", phone="1")
    lines = [f"{first},L,c{n}@example.com,{phone},{city},{company}\n" for n, first, phone, city, company in rows]
    content = "first_name,last_name,email,phone,city,company_name\n" + "".join(lines)
    options = f"mode={mode}&blank={blank}&missing={missing}&clear_marker=[clear]"
    plan = api.plan("contacts", content, options)
    said = api.look(f"imports/{plan['id']}/rows")["results"]
    response = api.post(f"imports/{plan['id']}/apply")
    assert response.status_code == 200, response.content
    done = api.look(f"imports/{plan['id']}/rows")["results"]
    known = {row["row"] for row in said}
    assert known == set(range(2, len(rows) + 2))
    for before, after in zip(said, done, strict=True):
        before.pop("didYouMean", None)
        after.pop("didYouMean", None)
        assert {**before, "record": None} == {**after, "record": None}
        assert before["record"] in {None, after["record"]}
    for row in done:
        if row["action"] == "update":
            contact = Contact.objects.get(pk=row["record"])
            for column, (_, value) in row["changes"].items():
                shown = (
                    contact.company and contact.company.name if column == "company_name" else getattr(contact, column)
                )
                assert (shown or "") == value
    assert RowChange.objects.filter(run=plan["id"]).count() == sum("changes" in row for row in done)


# --- the list, and records ------------------------------------------------------------------------------------


def test_imports_are_listed_latest_first(api, people):
    for n in range(3):
        api.post_file("contacts", f"{HEAD}A,B,a{n}@example.com,,\n", name=f"{n}.csv")
    api.import_csv("companies", "name\nX\n")
    page = api.look("imports?limit=2&entity=contacts")
    assert (page["count"], [run["fileName"] for run in page["results"]]) == (3, ["2.csv", "1.csv"])
    page = api.look(page["next"].removeprefix("/api/v1/importexport/"))
    assert (page["next"], [run["fileName"] for run in page["results"]]) == (None, ["0.csv"])


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "Unknown limit '0'. Expected a whole number from 1 to 1000."),
        ("limit=x", "Unknown limit 'x'. Expected a whole number from 1 to 1000."),
        ("after=x", "Unknown after 'x'. Expected the id of an import."),
        ("entity=x", "Unknown entity 'x'. Expected one of: contacts, companies, deals, activities."),
        ("page=2", "Unknown query parameter 'page'."),
    ],
)
def test_invalid_list_parameters_are_errors(api, query, detail):
    assert problem(api.get(f"imports?{query}")) == (400, detail)


def test_a_record_has_its_origin(api, tenant):
    api.post_file("contacts", f"{HEAD}A,B,x,,\nA,B,a@example.com,,\n", name="contacts.csv")
    contact = Contact.objects.get()
    api.post_file("contacts", "email,phone\na@example.com,2\n", name="more.csv", query="mode=update")
    latest, first = api.look(f"contacts/{contact.pk}/imports")["results"]
    assert (first["row"], first["action"], first["fileName"]) == (3, "create", "contacts.csv")
    assert (latest["row"], latest["action"], latest["fileName"]) == (2, "update", "more.csv")
    assert first["text"].startswith("row 3 of contacts.csv, ")
    assert first["text"].endswith(f", key {api.key.name}")


def test_another_tenants_record_has_no_visible_history(api, other_api):
    api.import_csv("contacts", f"{HEAD}A,B,a@example.com,,\n")
    path = f"contacts/{Contact.objects.get().pk}/imports"
    assert problem(other_api.get(path)) == (404, "There is no such record.")
    assert problem(api.get("contacts/99999999999999999999/imports")) == (404, "There is no such record.")
