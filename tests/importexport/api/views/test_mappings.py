"""Mappings that a tenant saves, and imports that use them."""

import json
from urllib.parse import urlencode

import pytest

from crm.models import Contact
from importexport.models import SavedMapping
from tests.support.api import Api, Upload, problem

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "Given,Family,Mail,Seen\nAda,Example,ada@alpha.example,x\n"
OPTIONS = {"mapping": {"Given": "first_name", "Family": "last_name", "Mail": "email", "Seen": None}}
SAVED = "/api/v1/importexport/mappings"


@pytest.fixture
def api(tenant):
    return Api(tenant)


def save(api, name, options, entity="contacts"):
    """Save a mapping; return the response."""
    return api.client.put(f"{SAVED}/{name}?entity={entity}", json.dumps(options), content_type="application/json")


def delete(api, name, entity="contacts"):
    return api.client.delete(f"{SAVED}/{name}?entity={entity}")


def offered(api, content):
    return api.post_file("contacts", content, to="read", query="source=auto").json()["offered"]


# --- saving --------------------------------------------------------------------------------------------------


def test_a_mapping_is_saved_and_shown(api):
    response = save(api, "webinar", OPTIONS | {"source": "auto", "dates": "dmy"})
    assert response.status_code == 201
    shown = api.look("mappings/webinar?entity=contacts")
    assert shown == response.json()
    assert (shown["entity"], shown["name"], shown["usedAt"]) == ("contacts", "webinar", None)
    assert shown["options"] == {"source": "auto", "dates": "dmy", **OPTIONS}


def test_saving_again_replaces_all_that_was_saved(api):
    save(api, "webinar", OPTIONS)
    assert save(api, "webinar", {"source": "hubspot"}).status_code == 200
    assert api.look("mappings/webinar?entity=contacts")["options"] == {"source": "hubspot"}


def test_an_entity_has_its_own_names(api):
    save(api, "webinar", OPTIONS)
    save(api, "webinar", {"source": "hubspot"}, entity="deals")
    assert [each["entity"] for each in api.look("mappings")["results"]] == ["contacts", "deals"]
    assert [each["options"] for each in api.look("mappings?entity=deals")["results"]] == [{"source": "hubspot"}]


def test_tenants_do_not_see_each_others_mappings(api, other_tenant):
    save(api, "webinar", OPTIONS)
    other = Api(other_tenant)
    assert other.look("mappings")["results"] == []
    assert other.get("mappings/webinar?entity=contacts").status_code == 404
    assert delete(other, "webinar").status_code == 404
    assert problem(other.post_file("contacts", FILE, query="mapping=@webinar"))[0] == 400
    assert SavedMapping.objects.count() == 1


def test_a_mapping_is_deleted(api):
    save(api, "webinar", OPTIONS)
    response = delete(api, "webinar")
    assert (response.status_code, response.content) == (204, b"")
    assert problem(api.get("mappings/webinar?entity=contacts")) == (404, "There is no such mapping.")
    assert delete(api, "webinar").status_code == 404


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({}, "There is nothing to save. Give at least one of: source, mapping, values,"),
        ({"mode": "upsert"}, "Unknown option 'mode'. Expected one of: source, mapping, values,"),
        ({"source": "dbase"}, "Unknown source 'dbase'. Expected one of: rally, auto,"),
        ({"source": 5}, "'source' must be a text."),
        ({"mapping": "@other"}, "'mapping' must be a JSON object."),
        ({"mapping": {"Given": "nickname"}}, "'mapping' gives 'Given' to 'nickname', which is no column."),
        ({"mapping": {"A": "email", "B": "email"}}, "'mapping' gives both 'A' and 'B' to 'email'."),
        ({"values": {"lifecycle_stage": "Lead"}}, "'values' must give 'lifecycle_stage' an object of texts"),
        ({"dates": "dym"}, "Unknown dates 'dym'. Expected one of: iso, dmy, mdy, ymd."),
        ({"encoding": "latin-1"}, "Unknown encoding 'latin-1'. Expected one of: utf-8, utf-16, windows-1252."),
    ],
)
def test_what_cannot_be_saved_is_refused(api, options, detail):
    status, found = problem(save(api, "webinar", options))
    assert status == 400
    assert found.startswith(detail)
    assert not SavedMapping.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind", "status", "detail"),
    [
        (b"{", "application/json", 400, "'body' is not JSON: "),
        (b"[]", "application/json", 400, "'body' must be a JSON object."),
        (b'{"source": "auto", "source": "auto"}', "application/json", 400, "'body' names 'source' twice."),
        (b'{"mapping": {"A": null, "A": "email"}}', "application/json", 400, "'body' names 'A' twice."),
        (b"\xff", "application/json", 400, "The body is not UTF-8."),
        (b'{"source": "' + b"x" * 500_000 + b'"}', "application/json", 400, "'body' must have at most 100000 characters"),
        (b"source=auto", "application/x-www-form-urlencoded", 415, "The body must be application/json."),
    ],
)  # fmt: skip
def test_a_body_that_is_no_mapping_is_refused(api, body, kind, status, detail):
    found = problem(api.client.put(f"{SAVED}/webinar?entity=contacts", body, content_type=kind))
    assert found[0] == status
    assert found[1].startswith(detail)


def test_a_surrogate_is_kept_as_the_database_can_keep_it(api):
    body = b'{"mapping": {"\\ud800": null}}'
    assert api.client.put(f"{SAVED}/odd?entity=contacts", body, content_type="application/json").status_code == 201
    assert list(api.look("mappings/odd?entity=contacts")["options"]["mapping"]) == ["\ud800"]


@pytest.mark.parametrize("what", ["import", "plan", "read"])
def test_a_surrogate_that_a_file_lacks_is_told_of_as_any_header(api, what):
    odd = '{"A\\ud800": "email"}'
    assert api.client.put(f"{SAVED}/odd?entity=contacts", f'{{"mapping": {odd}}}', content_type="application/json")
    for mapping in (odd, "@odd"):
        query = urlencode({"mapping": mapping})
        status, detail = problem(api.post_file("contacts", "first_name\nAda\n", to=what, query=query))
        sentence = "The mapping names a header that the file does not have: 'A\ud800'. The file has 'first_name'."
        assert (status, detail) == (400, sentence)


@pytest.mark.parametrize("name", ["Webinar", "a b", "a.b", "x" * 51, "ü"])
def test_a_name_has_only_plain_characters(api, name):
    status, detail = problem(save(api, name, OPTIONS))
    assert (status, detail[:26]) == (404, "A mapping cannot have the ")


def test_the_entity_has_to_be_named(api):
    found = api.get("mappings/webinar")
    assert problem(found) == (400, "'entity' is missing. Expected one of: contacts, companies, deals, activities.")
    assert problem(api.get("mappings?entity=leads"))[0] == 400


def test_a_key_that_may_only_read_cannot_save(tenant, api):
    save(api, "webinar", OPTIONS)
    reader = Api(tenant, scope="read")
    assert reader.look("mappings/webinar?entity=contacts")["name"] == "webinar"
    assert problem(save(reader, "webinar", {"source": "auto"}))[0] == 403
    assert problem(delete(reader, "webinar"))[0] == 403


# --- using ---------------------------------------------------------------------------------------------------


def test_an_import_uses_a_saved_mapping_and_keeps_what_it_said(api):
    save(api, "webinar", OPTIONS)
    response = api.post_file("contacts", FILE, query="mapping=@webinar")
    assert response.json() == {"totalRows": 1, "imported": 1, "skipped": 0, "errors": []}
    assert Contact.objects.get().email == "ada@alpha.example"
    run = api.look(f"imports/{response['Location'].rpartition('/')[2]}")
    assert run["options"]["mapping"] == OPTIONS["mapping"]
    assert run["options"]["saved_mapping"] == "webinar"


def test_a_plan_is_applied_with_what_was_saved_when_it_was_made(api):
    save(api, "webinar", OPTIONS)
    plan = api.plan("contacts", FILE, "mapping=@webinar")
    save(api, "webinar", {"source": "hubspot"})
    assert api.post(f"imports/{plan['id']}/apply").json()["imported"] == 1


def test_a_reading_uses_a_saved_mapping(api):
    save(api, "webinar", OPTIONS)
    reading = api.post_file("contacts", FILE, to="read", query="mapping=@webinar").json()["reading"]
    assert [column["column"] for column in reading["columns"]] == ["first_name", "last_name", "email", None]


def test_the_mapping_can_be_named_in_the_form(api):
    save(api, "webinar", OPTIONS)
    form = {"file": Upload("a.csv", FILE.encode()), "mapping": "@webinar"}
    assert api.client.post("/api/v1/importexport/contacts/import", form).json()["imported"] == 1


DEALS = "name,value,expected_close_date\nAlpha,5,03/04/2025\n"


def test_options_that_are_given_count_more_than_those_that_are_saved(api):
    save(api, "webinar", {"dates": "dmy"}, entity="deals")
    for query, date in (("mapping=@webinar", "2025-04-03"), ("mapping=@webinar&dates=mdy", "2025-03-04")):
        found = api.post_file("deals", DEALS, to="read", query=query).json()
        assert found["headers"][2]["samples"][0]["becomes"] == {"expected_close_date": date}


def test_a_default_that_is_given_leaves_what_is_saved(api):
    """Many clients send all defaults."""
    save(api, "webinar", {"source": "hubspot"})
    found = api.post_file("contacts", FILE, to="read", query="mapping=@webinar&source=rally").json()
    assert found["reading"]["source"] == "hubspot"


def test_an_unknown_name_is_refused_with_those_that_there_are(api):
    assert problem(api.post_file("contacts", FILE, query="mapping=@webinar")) == (
        400,
        "There is no saved mapping 'webinar' for contacts. None is saved.",
    )
    save(api, "newsletter", OPTIONS)
    save(api, "b2b", OPTIONS)
    assert problem(api.post_file("contacts", FILE, query="mapping=@webinar")) == (
        400,
        "There is no saved mapping 'webinar' for contacts. Saved are: b2b, newsletter.",
    )


def test_a_file_without_the_headers_of_the_mapping_is_refused(api):
    save(api, "webinar", OPTIONS)
    changed = FILE.replace("Family", "Surname")
    assert problem(api.post_file("contacts", changed, query="mapping=@webinar")) == (
        400,
        "The mapping names a header that the file does not have: 'Family'. The file has 'Given', 'Surname', 'Mail',"
        " 'Seen'.",
    )


# --- offering ------------------------------------------------------------------------------------------------


def test_the_mapping_last_used_for_the_same_headers_is_offered(api):
    save(api, "first", OPTIONS)
    save(api, "second", OPTIONS)
    assert offered(api, FILE) is None
    api.import_csv("contacts", FILE, "mapping=@first")
    assert offered(api, FILE)["name"] == "first"
    plan = api.plan("contacts", FILE, "mapping=@second")
    assert offered(api, FILE)["name"] == "second"
    assert offered(api, FILE)["usedAt"] == api.look("mappings/second?entity=contacts")["usedAt"]
    assert plan["options"]["saved_mapping"] == "second"


def test_headers_are_the_same_in_any_order_and_spelling(api):
    save(api, "webinar", OPTIONS)
    api.import_csv("contacts", FILE, "mapping=@webinar")
    assert offered(api, "SEEN,mail,Family ,given\n,,,\nx,y,z,a\n")["name"] == "webinar"
    assert offered(api, "Mail,Family,Given\nx,y,z\n") is None


def test_what_stores_nothing_is_no_use(api):
    save(api, "webinar", OPTIONS)
    api.import_csv("contacts", FILE, "mapping=@webinar&dry_run=true")
    api.post_file("contacts", FILE, to="read", query="mapping=@webinar")
    assert offered(api, FILE) is None


def test_a_mapping_that_is_deleted_is_not_offered(api):
    save(api, "webinar", OPTIONS)
    api.import_csv("contacts", FILE, "mapping=@webinar")
    delete(api, "webinar")
    assert offered(api, FILE) is None
