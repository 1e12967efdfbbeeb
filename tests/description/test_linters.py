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


@pytest.fixture
def description(tmp_path):
    """The file of the description as it is served."""
    path = tmp_path / "openapi.json"
    path.write_bytes(Client().get("/api/v1/schema", headers={"Host": "127.0.0.1:8000"}).content)
    return path


def run(program, *args):
    """Run a linter and return its report as JSON."""
    linter = needed_packages(HERE) / ".bin" / program
    done = subprocess.run(
        [linter, *map(str, args)], capture_output=True, text=True, timeout=240, env=os.environ | QUIET
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def redocly(description):
    """Return what Redocly finds in a description."""
    return run("redocly", "lint", "--extends=recommended", "--format=json", description)["problems"]


def spectral(description):
    """Return what Spectral finds in a description."""
    rules = description.with_name("rules.yaml")
    rules.write_text('extends: ["spectral:oas"]')
    return run("spectral", "lint", "--ruleset", rules, "--format=json", "--quiet", description)


@pytest.mark.parametrize("linter", [redocly, spectral])
def test_a_linter_has_nothing_to_say(linter, description):
    assert linter(description) == []


@pytest.mark.parametrize("linter", [redocly, spectral])
def test_a_linter_finds_a_fault(linter, description):
    broken = json.loads(description.read_text())
    broken["paths"]["/api/v1/me"]["get"]["operationId"] = "imports_list"
    description.write_text(json.dumps(broken))
    assert len(linter(description)) == 1
