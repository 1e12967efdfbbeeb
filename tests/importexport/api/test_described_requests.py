"""Requests with all that the description offers: as Swagger's *Try it out*, Postman and generated clients send them."""

import secrets
from urllib.parse import urlencode

import pytest

from importexport.api.openapi.document import description
from importexport.api.parsers import FIELD
from importexport.runs import worker
from tests.support.api import GOOD, Api, Upload, one_row
from tests.support.openapi import resolved as found

SCHEDULES = "/api/v1/importexport/schedules"
WEBHOOKS, JSON = "/api/v1/importexport/webhooks", "application/json"
BAD = "first_name,last_name,email\nA,B,nobody\n"


def operations():
    """Yield the operations of the description, as parameters of a test."""
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post"}:
                yield pytest.param(method, path, operation, id=operation["operationId"])


def query_of(operation):
    """Return the schemas of the query's parameters."""
    described = [found(each) for each in operation.get("parameters", [])]
    return {each["name"]: found(each["schema"]) for each in described if each["in"] == "query"}


def spelt(value):
    """Return a value as it stands in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def queries(operation):
    """Yield the queries to try: all defaults, alone and with each value of every other parameter that lists them."""
    schemas = query_of(operation)
    defaults = {name: spelt(schema["default"]) for name, schema in schemas.items() if "default" in schema}
    needed = {each["name"] for each in map(found, operation.get("parameters", [])) if each.get("required")}
    defaults |= {name: schema["enum"][0] for name, schema in schemas.items() if name in needed}
    yield defaults
    for name, schema in schemas.items():
        listed = [True, False] if schema.get("type") == "boolean" else schema.get("enum", [])
        for value in listed if name not in defaults else []:
            yield defaults | {name: spelt(value)}


@pytest.fixture
def api(tenant, settings):
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com"]
    return Api(tenant)


def with_schedule(api, path):
    """Fill in the id of a new schedule."""
    if "{schedule_id}" not in path:
        return path
    example = description()["paths"][SCHEDULES]["post"]["requestBody"]["content"][JSON]["example"]
    added = api.client.post(SCHEDULES, example | {"name": secrets.token_hex(4)}, content_type=JSON)
    return path.replace("{schedule_id}", str(added.json()["id"]))


def with_webhook(api, path):
    """Fill in the ids of a new webhook and of a delivery."""
    if "{webhook_id}" in path:
        hook = {"url": f"https://hooks.example.com/{secrets.token_hex(4)}", "events": ["import.failed"]}
        added = api.client.post(WEBHOOKS, hook, content_type=JSON)
        path = path.replace("{webhook_id}", str(added.json()["id"]))
    if "{delivery_id}" in path:
        ping = api.client.post(f"{path.partition('/deliveries')[0]}/ping").json()
        path = path.replace("{delivery_id}", ping["id"])
    return path


@pytest.fixture
def path_of(api):
    """A function that fills in a path, with records and runs made for it."""

    def fill(path):
        path = path.replace("sources/{name}", "sources/hubspot")
        if "mappings/{name}" in path:
            path = path.replace("{name}", "hubspot")
            api.client.put(f"{path}?entity=contacts", {"source": "hubspot"}, content_type="application/json")
        if "exports/{id}" in path:
            export = api.get("contacts/export", Prefer="respond-async")["Location"].rpartition("/")[2]
            worker.work(until_empty=True)
            return path.replace("{id}", export)
        path = with_schedule(api, with_webhook(api, path))
        if "{id}" in path:
            return path.replace("{id}", run_for(path.rpartition("/")[2]))
        if "{record}" in path:
            entity = path.split("/")[4]
            api.import_csv(entity, one_row(entity))
            newest = api.look(f"imports/{api.look('imports')['results'][0]['id']}/rows")["results"][0]
            return path.replace("{record}", str(newest["record"]))
        return path

    def run_for(what):
        if what == "apply":
            return api.plan("contacts", one_row("contacts"))["id"]
        if what == "cancel":
            waiting = api.post_file("contacts", one_row("contacts"), Prefer="respond-async")
            return waiting["Location"].rpartition("/")[2]
        api.import_csv("contacts", one_row("contacts") if what != "rejected" else BAD)
        return api.look("imports")["results"][0]["id"]

    return fill


def send(client, method, target, operation, encoding):
    """Send a request with the body that the operation takes: the example, or a file in an encoding."""
    bodies = operation.get("requestBody", {}).get("content", {})
    if JSON in bodies:
        return client.post(target, bodies[JSON]["example"], content_type=JSON)
    content = one_row(target.split("/")[4]).encode(encoding) if bodies else b""
    return getattr(client, method)(target, {FIELD: Upload("a.csv", content)} if content else {})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path", "operation"), list(operations()))
def test_no_operation_rejects_what_it_offers(api, path_of, method, path, operation):
    for query in queries(operation):
        target = f"{path_of(path)}?{urlencode(query)}"
        encoding = query.get("encoding", "utf-8")
        response = send(api.client, method, target, operation, encoding)
        assert response.status_code < 300, (target, response.getvalue())
        response.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("entity", GOOD)
@pytest.mark.parametrize("what", ["import", "plan"])
def test_the_defaults_of_the_query_are_no_fault_in_the_form(api, entity, what):
    path = f"/api/v1/importexport/{entity}/{what}"
    defaults = next(queries(description()["paths"][path]["post"]))
    assert defaults.keys() >= {"mode", "match_on", "blank"}
    for target in (path, f"{path}?{urlencode(defaults)}"):
        response = api.client.post(target, {FIELD: Upload("a.csv", one_row(entity).encode()), **defaults})
        assert response.status_code in {200, 201}, response.getvalue()


@pytest.mark.parametrize("entity", GOOD)
@pytest.mark.parametrize("what", ["import", "plan"])
def test_an_option_is_described_once(entity, what):
    """Swagger UI fills in every field of a form, if need be with ``true`` and ``string``, and sends them."""
    form = description()["paths"][f"/api/v1/importexport/{entity}/{what}"]["post"]["requestBody"]
    assert found(form["content"]["multipart/form-data"]["schema"])["properties"].keys() == {FIELD}
    assert "form" in form["description"]


DEFAULTS = "mode=create&match_on=email&blank=keep&tags=replace&missing=reject&dry_run=false"


def test_all_defaults_are_the_plain_import(api, tenant):
    assert api.import_csv("contacts", one_row("contacts"), DEFAULTS)["imported"] == 1
    assert api.import_csv("contacts", one_row("contacts"), DEFAULTS)["errors"] == [
        "Row 2: Duplicate contact with email 'ada@example.com'"
    ]
    newest, _ = api.look("imports")["results"]
    assert newest["options"] == {"mode": "create", "missing": "reject"}


@pytest.mark.parametrize(
    ("entity", "query"),
    [("deals", "tags=replace"), ("deals", "mode=update&tags=replace"), ("companies", "missing=reject")],
)
def test_the_default_of_an_option_that_the_entity_does_not_have_is_no_fault(api, entity, query):
    assert api.post_file(entity, one_row(entity), query=query).status_code == 200


def test_the_default_limit_is_no_fault_where_all_rows_are_given(api):
    api.import_csv("contacts", one_row("contacts"))
    run = api.look("imports")["results"][0]["id"]
    assert api.get(f"imports/{run}/rows?format=csv&limit=100&after=0").getvalue().startswith(b"import_row,")
    assert api.get(f"imports/{run}/rows?format=csv&limit=99").status_code == 400


@pytest.mark.parametrize("query", ["status=", "entity=", "limit=", "after="])
def test_an_empty_value_is_a_fault(api, query):
    """Clients leave out what they have no value for: an empty one is a variable that should have been set."""
    assert api.get(f"imports?{query}").status_code == 400
