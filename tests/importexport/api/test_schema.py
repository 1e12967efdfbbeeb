"""The API's own description, and the pages to read it in."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from importexport.resources import RESOURCES
from tests.importexport.api.wire import CONTACTS, EXPORT, IMPORT, TEMPLATE, form

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
            ("get", "template"),
            ("get", "{record}/imports"),
        )
    } | {
        ("get", "/api/v1/importexport/imports"),
        ("get", "/api/v1/importexport/imports/{id}"),
        ("get", "/api/v1/importexport/imports/{id}/rows"),
        ("get", "/api/v1/importexport/imports/{id}/rejected"),
        ("post", "/api/v1/importexport/imports/{id}/apply"),
        ("post", "/api/v1/importexport/imports/{id}/undo"),
    }


def test_an_entity_has_the_options_that_mean_something_for_it(schema):
    def options(entity):
        operation = schema["paths"][f"/api/v1/importexport/{entity}/plan"]["post"]
        return {one["name"]: one["schema"].get("enum") for one in operation["parameters"]}

    assert options("companies")["match_on"] == ["name", "domain"]
    assert "missing" not in options("companies")
    assert "tags" not in options("deals")
    assert options("deals")["missing"] == ["reject", "create"]


def test_every_operation_can_be_told_apart(schema):
    names = [operation["operationId"] for item in schema["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


def test_every_column_is_explained_where_it_is_imported(schema):
    for entity, resource in RESOURCES.items():
        text = schema["paths"][f"/api/v1/importexport/{entity}/import"]["post"]["description"]
        for name, column in resource.fields.items():
            shown = f"**{name}**" if column.required else name
            assert re.search(rf"^\| {re.escape(shown)} \| .+ \|$", text, re.MULTILINE), name


def test_every_answer_that_we_get_is_described(api, account, key, schema):
    read = account.add_key("read")
    answers = [
        ("get", TEMPLATE, api.request("GET", TEMPLATE, key=key)),
        ("get", TEMPLATE, api.request("GET", TEMPLATE)),
        ("get", TEMPLATE, api.request("GET", f"{TEMPLATE}?x=1", key=key)),
        ("get", EXPORT, api.request("GET", EXPORT, key=key)),
        ("get", EXPORT, api.request("GET", EXPORT, key=key, headers={"Accept": "image/png"})),
        ("post", IMPORT, api.upload(IMPORT, form(CONTACTS), key=key)),
        ("post", IMPORT, api.upload(IMPORT, form(CONTACTS), key=read)),
        ("post", IMPORT, api.upload(IMPORT, form(b"PK\3\4"), key=key)),
        ("post", IMPORT, api.upload(IMPORT, form(b""), key=key)),
        ("post", IMPORT, api.upload(IMPORT, form(b"x" * (10 * 2**20 + 1)), key=key)),
    ]
    for method, path, answer in answers:
        described = resolve(schema, schema["paths"][path][method]["responses"][str(answer.status)])
        assert answer.headers["Content-Type"] in described["content"]
        assert {name for name in answer.headers if name.startswith("X-RateLimit")} <= set(described["headers"])


def resolve(schema, described):
    """Follow a reference."""
    if "$ref" not in described:
        return described
    for name in described["$ref"].removeprefix("#/").split("/"):
        schema = schema[name]
    return schema


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
