"""The list of programs whose files are read, and one of them in full."""

import json

import pytest

from importexport.sources.presets import presets
from tests.support.api import Api, problem


@pytest.fixture
def api(tenant):
    return Api(tenant, scope="read")


def test_all_programs_are_listed_with_their_exports(api):
    found = {source["name"]: source for source in api.look("sources")["results"]}
    assert list(found) == list(presets())
    salesforce = found["salesforce"]
    assert salesforce["label"] == "Salesforce"
    assert salesforce["narrowerNames"] == ["salesforce_api", "salesforce_dataloader", "salesforce_label"]
    assert {"contacts", "companies", "deals", "activities"} == set(salesforce["entities"])
    assert {"entity": "contacts", "export": None, "headers": len(presets()["linkedin"][0].rules)} in found["linkedin"][
        "exports"
    ]


def test_a_program_is_shown_with_its_headers_our_columns_and_the_steps(api):
    (contacts,) = [export for export in api.look("sources/hubspot")["exports"] if export["entity"] == "contacts"]
    shown = {column["header"]: column for column in contacts["columns"]}
    assert shown["Job Title"] == {"header": "Job Title", "column": "title", "how": []}
    assert shown["Record ID"] == {"header": "Record ID", "column": "external_id", "how": ["only_if_blank"]}
    assert shown["Lead Status"] == {"header": "Lead Status", "column": None, "how": []}


def test_what_every_row_is_has_no_header(api):
    exports = [
        export for name in presets() for export in api.look(f"sources/{name}")["exports"]
    ]  # fmt: skip
    constants = [column for export in exports for column in export["columns"] if column["header"] is None]
    assert {"header": None, "column": "activity_type", "how": ["always:note"]} in constants


def test_a_narrower_name_has_only_its_kind_of_export(api):
    shown = api.look("sources/salesforce_label")
    assert shown["name"] == "salesforce"
    assert {export["export"] for export in shown["exports"]} == {"report", "report leads"}


def test_an_unknown_program_is_not_found(api):
    assert problem(api.get("sources/dbase")) == (404, "There is no such source.")
    assert json.loads(api.get("sources/dbase").content)["type"] == "/api/docs/problems#no-such-source"


def test_every_program_can_be_shown(api):
    for name in (source["name"] for source in api.look("sources")["results"]):
        assert api.look(f"sources/{name}")["name"] == name
