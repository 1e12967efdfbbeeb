"""The errors of rejected rows as data, beside the sentence."""

import inspect
import re
from pathlib import Path

import pytest

from importexport import errors
from importexport.errors import CODES
from importexport.models import ImportRun
from tests.support.api import Api
from tests.support.installation import ROOT

HEAD = "First Name,last_name,email,company_name,shoe\n"


@pytest.fixture
def api(tenant):
    return Api(tenant)


def rows(api, content, *, entity="contacts"):
    """Plan a file; return its rejected rows."""
    plan = api.plan(entity, content)
    return api.look(f"imports/{plan['id']}/rows?action=reject")["results"]


@pytest.mark.django_db(transaction=True)
def test_a_rejected_row_has_each_error_with_its_column_code_cell_and_message(api):
    (row,) = rows(api, HEAD + ',B, not-an-email ,"Unknown Corp",42\n')
    assert row["error"] == (
        "Row 2: Required field 'first_name' is empty; Invalid email format 'not-an-email'; Company 'Unknown Corp' not"
        " found"
    )
    assert row["errors"] == [
        {"column": "first_name", "code": "required", "value": "", "message": "Required field 'first_name' is empty"},
        {
            "column": "email",
            "code": "email",
            "value": " not-an-email ",
            "message": "Invalid email format 'not-an-email'",
        },
        {
            "column": "company_name",
            "code": "not_found",
            "value": "Unknown Corp",
            "message": "Company 'Unknown Corp' not found",
        },
    ]


@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_whole_row_has_no_column(api):
    (row,) = rows(api, "name\nAcme,Inc\n", entity="companies")
    assert row["errors"] == [{"column": None, "code": "cells", "value": None, "message": "Expected 1 columns, found 2"}]


@pytest.mark.django_db(transaction=True)
def test_a_long_cell_is_cut_like_a_value_in_a_message(api):
    (row,) = rows(api, f"name\n{'x' * 201}\n", entity="companies")
    assert row["errors"][0]["value"] == "x" * 100


@pytest.mark.django_db(transaction=True)
def test_a_cell_that_the_row_is_too_short_to_have_is_empty(api):
    (row,) = rows(api, "first_name,last_name,email\nAda,Lovelace\n")
    assert row["errors"] == [
        {"column": "email", "code": "required", "value": "", "message": "Required field 'email' is empty"}
    ]


@pytest.mark.django_db(transaction=True)
def test_the_message_has_the_suggestions_as_the_sentence_has(api):
    api.import_csv("companies", "name\nAcme Incorporated\n")
    (row,) = rows(api, HEAD + "A,B,a@x.example,Acme Incorporate,\n")
    (error,) = row["errors"]
    assert error["message"] == "Company 'Acme Incorporate' not found (did you mean 'Acme Incorporated'?)"
    assert row["error"] == f"Row 2: {error['message']}"


@pytest.mark.django_db(transaction=True)
def test_an_import_says_the_same_as_its_plan(api):
    content = HEAD + "A,B,a@x.example,,\nA,B,x,,\n"
    planned = rows(api, content)
    api.import_csv("contacts", content)
    run = ImportRun.objects.get(status="done")
    created, rejected = api.look(f"imports/{run.pk}/rows")["results"]
    assert [rejected] == planned
    assert not {"error", "errors"} & created.keys()


def test_every_code_is_in_the_list(api):
    given = set(re.findall(r'RowError\(\s*"(\w+)"', inspect.getsource(errors.rows)))
    assert given == set(CODES)


def test_the_documentation_has_the_list():
    page = (Path(ROOT) / "docs" / "api.md").read_text()
    for code, meaning in CODES.items():
        assert f"| `{code}` | {meaning} |" in page
