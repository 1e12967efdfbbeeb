"""Warnings as a program gets them: the header, the plan, the run."""

import uuid

import pytest

from crm.models import Company, Contact
from importexport.engine.groups import GROUPS
from importexport.models import ImportRun

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone"
GARBLED = (
    "'JÃ¼rgen' in 'first_name' looks garbled and was probably 'Jürgen': the file was saved with the wrong encoding"
)
DOUBTFUL = (
    f"{HEAD},Fax\n"
    "JÃ¼rgen,Klopp,jk@example.com,1,0049 1\n"
    "JÃ¼rgen,Klinsmann,jurgen@gmial.com,4.47912E+11,0049 2\n"
    "Ada,Lovelace,ada@example.com,1,\n"
)
FAX = "The column 'Fax' is unknown: it has 2 filled cells, which are not imported"
PHONE = "'4.47912E+11' in 'phone' was shortened by a spreadsheet: its last digits are probably lost"
DOMAIN = "'gmial.com' in 'email' looks like a typing error: did you mean 'gmail.com'?"


def group(code, column, sentence, rows):
    return {"code": code, "column": column, "sentence": sentence, "example": sentence, "rows": rows}


def latest(api):
    return api.look(f"imports/{ImportRun.objects.order_by('-created_at').first().pk}")


def told(run):
    """Return code, column and number of rows of a run's warnings."""
    return [(group["code"], group["column"], group["rows"]) for group in run["warnings"]]


def test_an_import_counts_its_warnings_and_its_run_lists_them(api):
    response = api.post_file("contacts", DOUBTFUL)
    assert response.json() == {"totalRows": 3, "imported": 3, "skipped": 0, "errors": []}
    assert response["X-Import-Warnings"] == "5"
    run = latest(api)
    assert run["warningCount"] == 5
    assert run["warnings"] == [
        group("ignored_column", "Fax", FAX, 2),
        group("garbled", "first_name", GARBLED, 2),
        group("email_domain", "email", DOMAIN, 1),
        group("scientific", "phone", PHONE, 1),
    ]
    assert (run["ignoredColumns"], run["ignoredCells"], run["ignoredCount"]) == (["Fax"], {"Fax": 2}, 1)
    assert api.look("imports")["results"][0]["warningCount"] == 5


def test_what_is_warned_about_is_stored_as_it_is(api):
    api.import_csv("contacts", DOUBTFUL)
    assert list(Contact.objects.order_by("id").values_list("first_name", "email", "phone"))[:2] == [
        ("JÃ¼rgen", "jk@example.com", "1"),
        ("JÃ¼rgen", "jurgen@gmial.com", "4.47912E+11"),
    ]


def test_a_file_without_warnings_has_none(api):
    response = api.post_file("contacts", f"{HEAD},Fax\nJürgen,Łoś,j@gmail.com,+49 1,\n")
    assert response["X-Import-Warnings"] == "0"
    run = latest(api)
    assert (run["warningCount"], run["warnings"], run["ignoredCells"]) == (0, [], {"Fax": 0})


def test_a_plan_and_the_run_that_applies_it_have_the_same(api):
    response = api.post_file("contacts", DOUBTFUL, to="plan")
    plan = response.json()
    assert (response["X-Import-Warnings"], plan["warningCount"], len(plan["warnings"])) == ("5", 5, 4)
    applied = api.post(f"imports/{plan['id']}/apply")
    assert applied["X-Import-Warnings"] == "5"
    run = latest(api)
    assert {name: run[name] for name in ("warnings", "warningCount", "ignoredCells")} == {
        name: plan[name] for name in ("warnings", "warningCount", "ignoredCells")
    }


def test_a_dry_run_counts_them_too(api):
    response = api.post_file("contacts", DOUBTFUL, query="dry_run=true")
    assert response["X-Import-Warnings"] == "5"
    assert not Contact.objects.exists()


@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_replay_has_the_number_of_the_first_answer(api, to):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        assert api.post_file("contacts", DOUBTFUL, to=to, **key)["X-Import-Warnings"] == "5"


def test_a_replay_of_applying_has_it_too(api):
    plan = api.plan("contacts", DOUBTFUL)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        assert api.post(f"imports/{plan['id']}/apply", **key)["X-Import-Warnings"] == "5"


def test_an_undo_has_no_warnings(api):
    api.import_csv("contacts", DOUBTFUL)
    run_id = latest(api)["id"]
    response = api.post(f"imports/{run_id}/undo")
    assert "X-Import-Warnings" not in response
    assert response.json()["warningCount"] == 0


def test_rows_that_are_rejected_are_not_warned_about(api):
    api.import_csv(
        "contacts",
        f"{HEAD},Fax\nJÃ¼rgen,,a@example.com,,1\nJÃ¼rgen,K,b@example.com,,\nJÃ¼rgen,K,b@example.com,,3\n",
    )
    assert told(latest(api)) == [("ignored_column", "Fax", 2), ("garbled", "first_name", 1)]


def test_rows_that_change_a_record_are_warned_about(api):
    api.import_csv("contacts", f"{HEAD}\nA,B,a@example.com,1\nC,D,c@example.com,1\n")
    api.import_csv("contacts", "email,phone\na@example.com,4.4E+11\nx@example.com,4.4E+11\n", query="mode=update")
    assert told(latest(api)) == [("scientific", "phone", 1)]


def test_a_garbled_reference_is_warned_about(api):
    api.import_csv("contacts", "first_name,last_name,email,company_name\nA,B,a@x.com,MÃ¼ller\n", query="missing=create")
    assert told(latest(api)) == [("garbled", "company_name", 1)]
    assert Company.objects.get().name == "MÃ¼ller"


@pytest.mark.parametrize(
    ("entity", "content", "column"),
    [
        ("companies", "name,tags\nAcme,\"vip,MÃ¼ller\"\n", "tags"),
        ("companies", "name,description\nAcme,cittÃ\u00a0\n", "description"),
        ("deals", "name\nJÃ¼rgens\n", "name"),
        ("activities", "activity_type,subject\ncall,JÃ¼rgen\n", "subject"),
    ],
)  # fmt: skip
def test_texts_of_every_entity_are_looked_at(api, entity, content, column):
    assert api.import_csv(entity, content)["imported"] == 1
    assert told(latest(api)) == [("garbled", column, 1)]


# --- ignored columns -------------------------------------------------------------------------------------------


def test_filled_cells_are_counted_by_header(api):
    rows = ["Acme,1,x, ,,9\n", "Globex, ,,y,z\n", "Umbra,\u200b,,,,w\n"]
    response = api.post_file("companies", "name,Fax,Old,Old,,\n" + "".join(rows))
    run = latest(api)
    assert run["ignoredCells"] == {"Fax": 1, "Old": 2, "": 3}
    assert run["ignoredColumns"] == ["Fax", "Old"]
    assert [group["sentence"] for group in run["warnings"]] == [
        "The column 'Fax' is unknown: it has 1 filled cell, which is not imported",
        "The column 'Old' is unknown: it has 2 filled cells, which are not imported",
        "There are columns without a header: they have 3 filled cells, which are not imported",
    ]
    assert response["X-Import-Warnings"] == "3"


def test_columns_of_rejected_rows_are_not_ignored_ones(api):
    api.import_csv("companies", "name,import_row,import_error\nAcme,7,Row 7: no\n")
    run = latest(api)
    assert (run["ignoredCells"], run["warnings"]) == ({}, [])


def test_ignored_columns_are_counted_over_all_batches(api):
    api.import_csv("companies", "name,Fax\n" + "".join(f"C{n},{n % 2 or ''}\n" for n in range(7001)))
    assert latest(api)["ignoredCells"] == {"Fax": 3500}


# --- limits ----------------------------------------------------------------------------------------------------


def test_different_messages_of_a_kind_are_one_group(api):
    rows = "".join(f"N,N,n{n}@example.com,{n}.5E+11\n" for n in range(300))
    response = api.post_file("contacts", f"{HEAD}\n{rows}")
    assert response["X-Import-Warnings"] == "300"
    example = "'0.5E+11' in 'phone' was shortened by a spreadsheet: its last digits are probably lost"
    assert latest(api)["warnings"] == [
        {"code": "scientific", "column": "phone", "sentence": "", "example": example, "rows": 300}
    ]


def test_so_many_groups_are_kept_and_all_warnings_counted(api):
    names = [f"Column {n}" for n in range(500)]
    response = api.post_file("companies", f"name,{','.join(names)}\nAcme{',x' * 500}\n")
    assert response["X-Import-Warnings"] == "500"
    assert len(latest(api)["warnings"]) == GROUPS
    assert len(latest(api)["ignoredCells"]) == 500


def test_of_thousands_of_long_names_a_plan_lists_the_first_and_counts_all(api):
    names = [f"{n} {'x' * 400}" for n in range(4000)]
    plan = api.plan("companies", f"name,{','.join(names)}\nAcme{',1' * 4000}\n")
    assert plan["ignoredCount"] == 4000
    assert plan["ignoredColumns"] == names[:247]
    assert plan["ignoredCells"] == dict.fromkeys(names[:247], 1)
    assert len(str(plan)) < 600_000
