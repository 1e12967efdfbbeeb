"""The API's own description, and the pages to read it in."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from importexport.resources import RESOURCES
from tests.importexport.api.wire import IMPORT
from tests.support.openapi import check_answer, resolved

SCHEMA = "/api/v1/schema"


@pytest.fixture(scope="module")
def schema(api):
    answer = api.request("GET", SCHEMA)
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


def test_it_is_valid_openapi_3_1(schema):
    assert schema["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(schema).validate()


def test_it_has_all_endpoints(schema):
    found = {(method, path) for path, item in schema["paths"].items() for method in item}
    assert found == {
        (method, f"/api/v1/importexport/{entity}/{what}")
        for entity in RESOURCES
        for method, what in (
            ("get", "export"),
            ("get", "export/excel"),
            ("post", "import"),
            ("post", "plan"),
            ("post", "read"),
            ("get", "template"),
            ("get", "{record}/imports"),
        )
    } | {
        ("get", "/api/v1/me"),
        ("get", "/api/v1/importexport/mappings"),
        ("get", "/api/v1/importexport/mappings/{name}"),
        ("put", "/api/v1/importexport/mappings/{name}"),
        ("delete", "/api/v1/importexport/mappings/{name}"),
        ("get", "/api/v1/importexport/schedules"),
        ("post", "/api/v1/importexport/schedules"),
        ("get", "/api/v1/importexport/schedules/{schedule_id}"),
        ("put", "/api/v1/importexport/schedules/{schedule_id}"),
        ("delete", "/api/v1/importexport/schedules/{schedule_id}"),
        ("post", "/api/v1/importexport/schedules/{schedule_id}/run"),
        ("get", "/api/v1/importexport/webhooks"),
        ("post", "/api/v1/importexport/webhooks"),
        ("get", "/api/v1/importexport/webhooks/{webhook_id}"),
        ("put", "/api/v1/importexport/webhooks/{webhook_id}"),
        ("delete", "/api/v1/importexport/webhooks/{webhook_id}"),
        ("post", "/api/v1/importexport/webhooks/{webhook_id}/ping"),
        ("get", "/api/v1/importexport/webhooks/{webhook_id}/deliveries"),
        ("post", "/api/v1/importexport/webhooks/{webhook_id}/deliveries/{delivery_id}/resend"),
        ("get", "/api/v1/importexport/sources"),
        ("get", "/api/v1/importexport/sources/{name}"),
        ("get", "/api/v1/importexport/imports"),
        ("get", "/api/v1/importexport/imports/{id}"),
        ("get", "/api/v1/importexport/imports/{id}/rows"),
        ("get", "/api/v1/importexport/imports/{id}/rejected"),
        ("post", "/api/v1/importexport/imports/{id}/apply"),
        ("post", "/api/v1/importexport/imports/{id}/undo"),
        ("post", "/api/v1/importexport/imports/{id}/cancel"),
        ("get", "/api/v1/importexport/imports/{id}/events"),
        ("get", "/api/v1/importexport/exports/{id}"),
        ("get", "/api/v1/importexport/exports/{id}/file"),
    }


def test_an_entity_has_the_options_that_mean_something_for_it(schema):
    def options(entity):
        operation = schema["paths"][f"/api/v1/importexport/{entity}/plan"]["post"]
        found = map(resolved, operation["parameters"])
        return {one["name"]: resolved(one["schema"]).get("enum") for one in found}

    assert options("companies")["match_on"] == ["name", "domain", "external_id"]
    assert options("companies")["missing"] == ["reject", "create"]
    assert "tags" not in options("deals")
    assert options("deals")["missing"] == ["reject", "create"]


@pytest.mark.parametrize("entity", RESOURCES)
@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_marker_is_a_text_without_a_default(schema, entity, to):
    parameters = schema["paths"][f"/api/v1/importexport/{entity}/{to}"]["post"]["parameters"]
    (found,) = [one["schema"] for one in map(resolved, parameters) if one["name"] == "clear_marker"]
    assert found == {"type": "string", "minLength": 1, "maxLength": 20}


def test_every_operation_can_be_told_apart(schema):
    names = [operation["operationId"] for item in schema["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


def test_every_list_of_values_has_a_name(schema):
    """Generated clients have classes for them, one each."""

    def unnamed(described, *where):
        if isinstance(described, dict):
            if "enum" in described:
                yield where
            for name, value in described.items():
                yield from unnamed(value, *where, name)
        elif isinstance(described, list):
            for value in described:
                yield from unnamed(value, *where)

    assert [where for where in unnamed(schema) if where[:2] != ("components", "schemas") or len(where) != 3] == []


def test_a_result_is_recognised_by_clients_that_only_look_at_the_members_they_know(schema):
    """Some Java clients take any object for any schema: with ``oneOf`` they give up, with ``anyOf`` the first counts."""
    (body,) = schema["paths"]["/api/v1/importexport/imports/{id}/apply"]["post"]["responses"]["200"]["content"].values()
    names = [each["$ref"].rpartition("/")[2] for each in body["schema"]["anyOf"]]
    assert names == ["Result", "Run"] == sorted(names)
    assert "oneOf" not in json.dumps(schema)


def test_no_schema_has_the_name_of_a_keyword(schema):
    """Generators would rename it."""
    assert not {"Import", "Class", "Enum", "Package", "Type"} & schema["components"]["schemas"].keys()


def test_what_operations_share_is_described_once(schema):
    components = schema["components"]
    assert {"id", "limit", "dry_run", "Idempotency-Key"} <= components["parameters"].keys()
    assert {"X-Request-Id", "Retry-After", "Location", "Link"} <= components["headers"].keys()
    operations = [operation for item in schema["paths"].values() for operation in item.values()]
    written = [json.dumps(each) for one in operations for each in one.get("parameters", []) if "$ref" not in each]
    assert len(set(written)) == len(written)


def test_every_response_can_be_found_in_the_log(schema):
    operations = [operation for item in schema["paths"].values() for operation in item.values()]
    for operation in operations:
        for answer in operation["responses"].values():
            assert "X-Request-Id" in resolved(answer)["headers"]


def test_it_says_where_the_server_is_under_the_name_it_was_asked_for(api, schema):
    assert [server["url"] for server in schema["servers"]] == [f"http://127.0.0.1:{api.server.port}"]


def test_every_column_is_explained_where_it_is_imported(schema):
    for entity, resource in RESOURCES.items():
        text = schema["paths"][f"/api/v1/importexport/{entity}/import"]["post"]["description"]
        for name, column in resource.fields.items():
            shown = f"**{name}**" if column.required else name
            assert re.search(rf"^\| {re.escape(shown)} \| .+ \|$", text, re.MULTILINE), name


def test_every_object_says_what_is_in_it(schema):
    def loose(where, described):
        if isinstance(described, dict):
            is_object = described.get("type") == "object"
            if is_object and not {"properties", "additionalProperties"} & described.keys():
                yield where
            for name, value in described.items():
                yield from loose(f"{where}.{name}", value)

    assert list(loose("schemas", schema["components"]["schemas"])) == []


RESULT = {"totalRows": 1, "imported": 1, "skipped": 0, "errors": []}


def check_import(body, *, status=200, **headers):
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    check_answer("POST", f"{IMPORT}?mode=create", status=status, headers=given, body=json.dumps(body).encode())


def test_an_answer_that_is_described_passes_the_check_that_all_tests_make():
    check_import(RESULT, X_Import_Warning="before")


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ({**RESULT, "more": 1}, {}),
        ({"totalRows": 1}, {}),
        ({**RESULT, "errors": [None]}, {}),
        (RESULT, {"status": 201}),
        (RESULT, {"status": 400}),
        (RESULT, {"X_Import_Surprise": "x"}),
        (RESULT, {"Content_Type": "text/csv"}),
    ],
)
def test_one_that_is_not_described_fails_it(body, more):
    with pytest.raises(AssertionError):
        check_import(body, **more)


def test_every_problem_type_leads_to_its_explanation(api, schema):
    page = api.request("GET", "/api/docs/problems").body.decode()
    for answer in schema["components"]["responses"].values():
        for example in answer["content"]["application/problem+json"]["examples"].values():
            address, _, anchor = example["value"]["type"].partition("#")
            assert address == "/api/docs/problems"
            assert f'id="{anchor}"' in page


@pytest.mark.parametrize("slash", ["", "/"])
def test_docs_are_open_and_have_all_they_need(api, slash):
    page = api.request("GET", f"/api/docs{slash}")
    assert page.status == 200
    assets = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.body.decode())
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/static/")
        assert api.request("GET", asset).status == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|https?://", page.body.decode())


@pytest.mark.parametrize("path", [SCHEMA, f"{SCHEMA}/", "/api/docs", "/api/docs/problems"])
def test_what_is_open_to_all_can_only_be_read(api, path):
    answer = api.request("POST", path, body=b"x=1")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"
