"""The linters that people run over an API's description, with their recommended rules."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from tests.support.npm import needed_packages

HERE = Path(__file__).parent
#: Neither asks for newer versions, nor reports that it was run.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(scope="module")
def descriptions(tmp_path_factory):
    """The files of the description as it is served, and of one with a fault."""
    served = Client().get("/api/v1/schema", headers={"Host": "127.0.0.1:8000"}).content
    broken = json.loads(served)
    broken["paths"]["/api/v1/me"]["get"]["operationId"] = "imports_list"
    folder = tmp_path_factory.mktemp("descriptions")
    (folder / "served.json").write_bytes(served)
    (folder / "broken.json").write_text(json.dumps(broken))
    return [folder / "served.json", folder / "broken.json"]


def run(program, *args):
    """Run a linter and return its reports, which are JSON."""
    linter = needed_packages(HERE) / ".bin" / program
    done = subprocess.run(
        [linter, *map(str, args)], capture_output=True, text=True, timeout=240, env=os.environ | QUIET
    )
    assert done.stdout, done.stderr
    # One after the other, without a separator: JSON that is several documents.
    reports, rest = [], done.stdout.strip()
    while rest:
        report, end = json.JSONDecoder().raw_decode(rest)
        reports, rest = [*reports, report], rest[end:].strip()
    return reports


def redocly(descriptions):
    """Return the files in which Redocly finds something."""
    reports = run("redocly", "lint", "--extends=recommended", "--format=json", *descriptions)
    return [problem["location"][0]["source"]["ref"] for report in reports for problem in report["problems"]]


def spectral(descriptions):
    """Return the files in which Spectral finds something."""
    rules = descriptions[0].with_name("rules.yaml")
    rules.write_text('extends: ["spectral:oas"]')
    (found,) = run("spectral", "lint", "--ruleset", rules, "--format=json", "--quiet", *descriptions)
    return [problem["source"] for problem in found]


@pytest.mark.parametrize("linter", [redocly, spectral])
def test_a_linter_finds_the_fault_and_has_nothing_else_to_say(linter, descriptions):
    assert [Path(name).name for name in linter(descriptions)] == ["broken.json"]
