"""Clearing a field by a marker: only where the caller names one, and only under update and upsert."""

from urllib.parse import urlencode

import pytest

from crm.models import Contact, Deal
from importexport.models import ImportRun
from tests.support.api import BASE, Upload, problem


def marked(marker="[clear]", **options):
    return urlencode({"mode": "update", "clear_marker": marker, **options})


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


@pytest.fixture
def ada(tenant):
    return Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com", phone="1", tags=["a", "b"]
    )


def cleared(api, ada, cell, query):
    """Return the phone after an import of one cell."""
    api.import_csv("contacts", f'email,phone\nada@example.com,"{cell}"\n', query)
    ada.refresh_from_db()
    return ada.phone


@pytest.mark.parametrize("blank", ["keep", "clear", "fill"])
@pytest.mark.parametrize("mode", ["update", "upsert"])
def test_a_cell_that_is_the_marker_clears(api, ada, mode, blank):
    content = "first_name,last_name,email,phone,tags\nAda,Lovelace,ada@example.com,[clear],[clear]\n"
    api.import_csv("contacts", content, marked(mode=mode, blank=blank))
    ada.refresh_from_db()
    assert (ada.phone, ada.tags) == ("", [])
    assert ImportRun.objects.get().options["clear_marker"] == "[clear]"


@pytest.mark.parametrize(
    ("marker", "cell"),
    [("[clear]", "  [clear] "), (" [clear]\t", "[clear]"), ("-", "-"), ("NULL", "NULL"), ("ü", "u\u0308"),
     ("u\u0308", "ü"), ("=", "="), ("0", "0"), ("20 characters, a b c", "20 characters, a b c")],
)  # fmt: skip
def test_marker_and_cell_are_both_trimmed_and_normalised(api, ada, marker, cell):
    assert cleared(api, ada, cell, marked(marker)) == ""


@pytest.mark.parametrize(
    ("marker", "cell", "phone"),
    [("[clear]", "[CLEAR]", "[CLEAR]"), ("[clear]", "[clear] now", "[clear] now"), ("NULL", "null", "null"),
     ("-", "'-", "-"), ("=", "'=", "=")],
)  # fmt: skip
def test_only_exactly_the_marker_clears(api, ada, marker, cell, phone):
    """A cell with a formula mark was text for whoever wrote it."""
    assert cleared(api, ada, cell, marked(marker)) == phone


def test_without_a_marker_no_text_clears(api, ada):
    assert cleared(api, ada, "[clear]", "mode=update&blank=clear") == "[clear]"


def test_what_is_required_is_not_cleared(api, ada):
    content = "email,first_name\nada@example.com,[clear]\n"
    assert api.import_csv("contacts", content, marked()) == result(0, "Row 2: Required field 'first_name' is empty")
    content = "email,phone\n[clear],2\n"
    assert api.import_csv("contacts", content, marked()) == result(0, "Row 2: Required field 'email' is empty")


def test_a_new_record_gets_what_a_blank_cell_gives(api):
    content = "first_name,last_name,email,phone,lifecycle_stage\nA,B,a@example.com,[clear],[clear]\n"
    assert api.import_csv("contacts", content, marked(mode="upsert")) == result(1)
    assert (Contact.objects.get().phone, Contact.objects.get().lifecycle_stage) == ("", "lead")


def test_a_cleared_probability_is_the_stages(api, tenant):
    api.import_csv("deals", "name,stage_name,probability\nBig,Proposal,5\n")
    api.import_csv("deals", "name,probability\nBig,[clear]\n", marked())
    assert Deal.objects.get().probability == 50


def test_a_cleared_status_follows_completed_at(api):
    api.import_csv("activities", "activity_type,subject,status,completed_at\ncall,Hi,cancelled,2025-06-15T10:00:00Z\n")
    api.import_csv("activities", "activity_type,subject,status\ncall,Hi,[clear]\n", marked())
    assert api.rows("activities")[0]["status"] == "completed"


def test_the_marker_may_be_a_field_of_the_form(api, ada):
    file = Upload("file.csv", b"email,phone\nada@example.com,[clear]\n")
    form = {"file": file, "mode": "update", "clear_marker": "[clear]"}
    assert api.client.post(f"{BASE}/contacts/import", form).status_code == 200
    ada.refresh_from_db()
    assert ada.phone == ""


@pytest.mark.django_db(transaction=True)
def test_a_plan_clears_as_it_said(api, ada):
    plan = api.plan("contacts", "email,phone\nada@example.com,[clear]\n", marked())
    assert plan["options"]["clear_marker"] == "[clear]"
    (row,) = api.look(f"imports/{plan['id']}/rows")["results"]
    assert row["changes"] == {"phone": ["1", ""]}
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    ada.refresh_from_db()
    assert ada.phone == ""


@pytest.mark.django_db(transaction=True)
def test_a_plan_of_a_time_without_the_option_still_applies(api, ada):
    plan = api.plan("contacts", "email,phone\nada@example.com,\n", "mode=update&blank=clear")
    assert "clear_marker" not in plan["options"]
    before = {"mode": "update", "match_on": "email", "blank": "clear", "tags": "replace", "missing": "reject"}
    assert ImportRun.objects.get().options == before
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    ada.refresh_from_db()
    assert ada.phone == ""


@pytest.mark.parametrize("options", [{}, {"mode": "create"}])
def test_a_marker_means_nothing_to_a_plain_import(api, options):
    query = urlencode({**options, "clear_marker": "[clear]"})
    response = api.post_file("contacts", "email\n", query=query)
    assert problem(response) == (400, "'clear_marker' means nothing with mode 'create'.")


LENGTH = "'clear_marker' must have 1 to 20 characters."
CONTROL = "'clear_marker' must not contain control characters."


@pytest.mark.parametrize(
    ("marker", "detail"),
    [
        ("", LENGTH),
        (" \u200b\u00a0", LENGTH),
        ("x" * 21, LENGTH),
        ("x" * 2000, LENGTH),
        ("a\nb", CONTROL),
        ("a\tb", CONTROL),
        ("a\x00b", CONTROL),
        ("a\uffffb", CONTROL),
        ("#N/A", "'clear_marker' cannot be '#N/A': rows with a spreadsheet error value are always rejected."),
        ("#nv", "'clear_marker' cannot be '#nv': rows with a spreadsheet error value are always rejected."),
        ("'#N/A", "'clear_marker' cannot be ''#N/A': that is how a file marks a cell as text."),
        ("'=", "'clear_marker' cannot be ''=': that is how a file marks a cell as text."),
        ('="x"', "'clear_marker' cannot be '=\"x\"': that is how a file marks a cell as text."),
    ],
)
@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_marker_that_no_cell_could_be_is_an_error(api, to, marker, detail):
    response = api.post_file("contacts", "email,phone\na@example.com,\n", to=to, query=marked(marker))
    assert problem(response) == (400, detail)
    assert not ImportRun.objects.exists()
