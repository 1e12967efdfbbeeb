"""The examples in the API's description are what their schemas say."""

import csv
import io

import pytest
from jsonschema import Draft202012Validator

from importexport.api.openapi.document import description
from importexport.history.row_files import CSV_HEADER
from importexport.resources import RESOURCES
from tests.support.openapi import closed


def examples(described, *where):
    """Yield the place, the schema and the value of each example."""
    if isinstance(described, list):
        for each in described:
            yield from examples(each, *where)
    if not isinstance(described, dict):
        return
    if "schema" in described:
        values = [described["example"]] if "example" in described else []
        values += [each["value"] for each in described.get("examples", {}).values()]
        yield from ((where, described["schema"], value) for value in values)
    elif isinstance(described.get("examples"), list):
        yield from ((where, described, value) for value in described["examples"])
    for name, value in described.items():
        yield from examples(value, *where, name)


@pytest.mark.parametrize("value", [pytest.param(each, id=" ".join(each[0])) for each in examples(description())])
def test_an_example_is_what_its_schema_says(value):
    _, schema, example = value
    components = description()["components"]
    whole = closed(schema) | {"components": components | {"schemas": closed(components["schemas"])}}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(example)


def test_every_json_response_has_an_example():
    operations = [operation for item in description()["paths"].values() for operation in item.values()]
    answers = [answer for one in operations for answer in one["responses"].values() if "content" in answer]
    answers += description()["components"]["responses"].values()
    bodies = [body for answer in answers for name, body in answer["content"].items() if name.endswith("json")]
    assert [body for body in bodies if not {"example", "examples"} & body.keys()] == []


@pytest.mark.parametrize("entity", RESOURCES)
def test_the_counts_of_an_example_agree_with_its_messages(entity):
    operation = description()["paths"][f"/api/v1/importexport/{entity}/import"]["post"]
    for example in operation["responses"]["200"]["content"]["application/json"]["examples"].values():
        result = example["value"]
        assert result["totalRows"] == result["imported"] + result["skipped"]
        assert result["skipped"] == len(result["errors"])


def test_the_example_of_rows_as_csv_has_the_header_of_the_file():
    operation = description()["paths"]["/api/v1/importexport/imports/{id}/rows"]["get"]
    example = operation["responses"]["200"]["content"]["text/csv; charset=utf-8"]["example"]
    header, *rows = csv.reader(io.StringIO(example))
    assert header == CSV_HEADER
    assert all(len(row) == len(header) for row in rows)
