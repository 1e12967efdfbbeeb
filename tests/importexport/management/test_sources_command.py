"""`manage.py sources`."""

import json


def test_programs_are_listed(shell):
    lines = shell.manage("sources").stdout.splitlines()
    assert lines[0].split() == ["NAME", "PROGRAM", "ENTITIES", "NARROWER", "NAMES"]
    (line,) = [line for line in lines if line.startswith("dynamics365 ")]
    assert "Dynamics 365" in line
    assert line.endswith("dynamics")


def test_the_headers_of_a_program_are_listed_with_our_columns(shell):
    lines = [line.split() for line in shell.manage("sources", "hubspot").stdout.splitlines()]
    assert ["contacts", "Job", "Title", "title"] in lines
    assert ["contacts", "Lead", "Status", "-"] in lines


def test_json_is_that_of_the_api(shell):
    listed = json.loads(shell.manage("sources", "--json").stdout)["results"]
    assert {"hubspot", "zoho"} <= {source["name"] for source in listed}
    shown = json.loads(shell.manage("sources", "hubspot", "--json").stdout)
    assert shown["exports"][0]["columns"][0].keys() == {"header", "column", "how"}


def test_an_unknown_program_is_named_with_those_that_there_are(shell):
    line = shell.refuses("sources", "dbase")
    assert line.startswith("Unknown source 'dbase'. Expected one of: act, ")
