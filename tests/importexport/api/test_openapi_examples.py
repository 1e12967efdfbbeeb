"""The examples in the API's description are what their schemas say."""

import json
import re

import pytest

from importexport.api.openapi import examples as shown
from importexport.api.openapi.document import description
from importexport.resources import RESOURCES
from tests.support.api import Api
from tests.support.openapi import resolved, validator


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
    validator(json.dumps(schema)).validate(example)


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


def import_examples(entity):
    """Return the examples of an import's result."""
    answers = description()["paths"][f"/api/v1/importexport/{entity}/import"]["post"]["responses"]
    return [each["value"] for each in answers["200"]["content"]["application/json"]["examples"].values()]


@pytest.mark.parametrize("entity", RESOURCES)
def test_a_text_that_is_too_long_exceeds_the_limit_of_its_column(entity):
    messages = " ".join(message for result in import_examples(entity) for message in result["errors"])
    found = re.findall(r"Value too long in '(\w+)' \(maximum (\d+) characters\)", messages)
    assert found
    for name, limit in found:
        assert f"at most {limit} characters" in RESOURCES[entity].declared[name].help


@pytest.fixture
def api(tenant):
    return Api(tenant)


@pytest.fixture
def run(api):
    """The run of the file whose rows the examples show."""
    api.import_csv("contacts", "first_name,last_name,email\nAlan,Turing,alan@example.com\n")
    api.import_csv(
        "contacts",
        "first_name,last_name,email,phone\n"
        "Grace,Hopper,grace@example.com,\n"
        "Alan,Turing,alan@example.com,+49 30 1234567\n"
        "Ada,Lovelace,not-an-email,\n",
        "mode=upsert",
    )
    return api.look("imports")["results"][0]["id"]


def records(api, run):
    """Return the ids of the records of a run and of those in the example."""
    pages = (api.look(f"imports/{run}/rows"), shown.ROWS)
    return zip(*([row["record"] for row in page["results"] if row["record"]] for page in pages), strict=True)


def test_the_example_of_rows_is_what_a_file_gives(api, run):
    results = api.look(f"imports/{run}/rows")["results"]
    as_shown = dict(records(api, run))
    assert [row | {"record": as_shown.get(row["record"])} for row in results] == shown.ROWS["results"]


def test_the_example_of_rows_as_csv_is_what_a_file_gives(api, run):
    text = api.get(f"imports/{run}/rows?format=csv").getvalue().decode()
    for record, as_shown in records(api, run):
        text = text.replace(f",{record},", f",{as_shown},")
    assert text == shown.ROWS_CSV


def test_the_example_of_rejected_rows_is_what_a_file_gives(api, run):
    assert api.get(f"imports/{run}/rejected").getvalue().decode() == shown.REJECTED_CSV


def nulls(run):
    """Return the members of a run that have no value."""
    return {name for name, value in run.items() if value is None}


@pytest.mark.django_db(transaction=True)
def test_an_example_of_a_plan_has_a_value_where_a_plan_has_one(api):
    plan = api.plan("contacts", "first_name,last_name,email\nAda,Lovelace,ada@example.com\n")
    assert nulls(shown.PLANNED) == nulls(plan)


@pytest.mark.django_db(transaction=True)
def test_an_example_of_an_undo_has_a_value_where_an_undo_has_one(api):
    api.import_csv("contacts", "first_name,last_name,email\nAda,Lovelace,ada@example.com\n")
    undo = api.plan_undo(api.look("imports")["results"][0]["id"])
    assert nulls(shown.UNDO_PLANNED) == nulls(undo)
    assert (shown.UNDO_PLANNED["rowsDone"], undo["rowsDone"]) == (shown.UNDO_PLANNED["totalRows"], undo["totalRows"])


def test_a_description_of_a_parameter_is_complete():
    operations = [operation for item in description()["paths"].values() for operation in item.values()]
    texts = {resolved(each).get("description", "") for one in operations for each in one.get("parameters", [])}
    assert [text for text in texts if text.endswith((":", ",", ";")) or "this tags" in text] == []
