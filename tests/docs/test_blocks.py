"""The code of the README and of `docs/` runs as it stands there."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import tablib

from crm.models import Contact
from importexport.engine.options import Options
from importexport.models import Webhook
from importexport.resources import ContactResource
from importexport.webhooks.signing import give_secret, signature
from rally.management.commands.demo import SAMPLE
from tests.docs.blocks import block, blocks
from tests.support.api import one_row
from tests.support.installation import ROOT
from tests.support.npm import give_up
from tests.support.real import wait_for_status

#: What runs in the tests below, or in the tests of the sync.
#: The programs of docs/migrating.md, whose files nobody has here under these names: the same commands run in
#: tests/importexport/sources with files of these programs.
MIGRATING = (
    "HubSpot", "Salesforce", "Pipedrive", "Zoho CRM", "Google Contacts", "Outlook", "Dynamics 365", "Odoo",
)  # fmt: skip
RUN = {
    ("README.md", "A first import", "sh"),
    ("README.md", "The API", "sh"),
    ("README.md", "The command line", "sh"),
    ("README.md", "The resources in Python", "python"),
    ("docs/integrate.md", "Python", "python"),
    ("docs/integrate.md", "Node", "js"),
    ("docs/integrate.md", "Large files", "sh"),
    ("docs/integrate.md", "The other way", "sh"),
    ("docs/integrate.md", "A signature in Python", "python"),
    ("docs/integrate.md", "A signature in Node", "js"),
}
#: make and docker, and the picture of the way of a row.
SHOWN = {
    ("README.md", "Rally import / export", ""),
    ("README.md", "Start", ""),
    ("README.md", "Deployment", ""),
    ("docs/integrate.md", "Behind a proxy", "nginx"),
    ("docs/migrating.md", "Files of other programs", ""),
    ("docs/migrating.md", "What an import does with such a file", ""),
    *(("docs/migrating.md", heading, "") for heading in MIGRATING),
    ("docs/migrating.md", "A program that is not here", ""),
    ("docs/programs.md", "The file", ""),
}
PLACEHOLDER, ADDRESS = "rk_live_…", "http://127.0.0.1:8000"


def bash(text, folder, **env):
    """Run a block in a directory, like a person who types it: each command has to succeed."""
    script = f"set -e -o pipefail\nshopt -s expand_aliases\n{text}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True,
        timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_runs_or_is_known_not_to():
    found = {(one.file, one.heading, one.language) for one in blocks()}
    assert {each for each in found if each[2] != "json"} == RUN | SHOWN


@pytest.mark.parametrize("one", [pytest.param(one, id=one.heading) for one in blocks() if one.language == "json"])
def test_json_is_json(one):
    json.loads(one.text)


@pytest.fixture
def typed(real_tenant):
    """A function that returns a block with the tenant's key and the server's address in the place of those shown."""

    def fill(file, heading):
        text = block(file, heading, "sh").replace(PLACEHOLDER, real_tenant.secret)
        return text.replace(ADDRESS, real_tenant.server.url)

    return fill


def test_the_first_import(typed, real_tenant, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/sample_contacts.csv").write_text(SAMPLE)
    real_tenant.post("companies", b"name\nAcme Labs\n")
    shown = bash(typed("README.md", "A first import"), tmp_path)
    result, _, exported = shown.partition("first_name,")
    assert json.loads(result) == json.loads(block("README.md", "A first import", "json"))
    assert exported.splitlines()[1].startswith("Mary,Shelley,mary@example.com,")


def test_the_requests_of_the_api(typed, real_tenant, tmp_path):
    url = f"{real_tenant.server.url}/api/v1/importexport"
    shown = bash(typed("README.md", "The API"), tmp_path, KEY=real_tenant.secret, URL=url)
    assert json.loads(shown) == {"totalRows": 0, "imported": 0, "skipped": 0, "errors": []}
    assert (tmp_path / "deals.csv").read_text().startswith("name,value,")
    assert (tmp_path / "deals.xlsx").read_bytes().startswith(b"PK")


def test_what_has_changed(typed, real_tenant, tmp_path):
    real_tenant.post("contacts", one_row("contacts").encode())
    bash(typed("docs/integrate.md", "The other way"), tmp_path, KEY=real_tenant.secret, URL=real_tenant.server.url)
    (row,) = csv.DictReader(io.StringIO((tmp_path / "changed.csv").read_text()))
    assert list(row) == ["id", "email", "updated_at"]
    assert row["email"] == "ada@example.com"


def test_large_files(typed, real_tenant, tmp_path):
    (tmp_path / "contacts.csv").write_text(one_row("contacts"))
    bash(typed("docs/integrate.md", "Large files"), tmp_path, KEY=real_tenant.secret, URL=real_tenant.server.url)
    (run,) = real_tenant.sql("SELECT id FROM importexport_importrun WHERE tenant_id = %s", real_tenant.pk)
    wait_for_status(real_tenant, run, "done")


def test_the_commands(new_installation, tmp_path):
    installation = new_installation()
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / ".venv/bin/python").chmod(0o755)
    (tmp_path / "contacts.csv").write_text(SAMPLE)
    (tmp_path / "new.csv").write_text(one_row("contacts"))
    shown = bash(block("README.md", "The command line", "sh"), tmp_path, **installation.env)
    assert "rk_live_" in shown
    assert (tmp_path / "contacts.xlsx").read_bytes().startswith(b"PK")
    assert "not-an-email" in (tmp_path / "rejected.csv").read_text()


def test_the_resource_in_python(tenant):
    names = {
        "ContactResource": ContactResource,
        "Contact": Contact,
        "Options": Options,
        "tablib": tablib,
        "tenant": tenant,
        "text": one_row("contacts"),
    }
    exec(block("README.md", "The resources in Python", "python"), names)
    assert names["result"].totals["new"] == 1


BODY = b'{"type": "ping"}'


@pytest.fixture
def signed():
    """The secret of a webhook, and the headers of a message that has just been sent to it."""
    webhook = Webhook()
    secret, now = give_secret(webhook), int(time.time())
    headers = {"webhook-id": "one", "webhook-timestamp": str(now)}
    return secret, headers | {"webhook-signature": signature(webhook, "one", now, BODY)}


def told_by_python(headers, body, secret):
    names = {}
    exec(block("docs/integrate.md", "A signature in Python", "python"), names)
    return names["is_genuine"](headers, body, secret)


def told_by_node(headers, body, secret):
    if (node := shutil.which("node")) is None:
        give_up("Node.js was not found: install it (apt-get install npm, or brew install node).")
    given = json.dumps([headers, body.decode(), secret])
    call = f"const [h, b, s] = {given}; console.log(isGenuine(h, Buffer.from(b), s));"
    program = block("docs/integrate.md", "A signature in Node", "js") + call
    options = {"capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([node, "--input-type=module", "-e", program], **options)
    return {"true\n": True, "false\n": False}[done.stdout]


@pytest.mark.parametrize("tell", [told_by_python, told_by_node])
def test_a_signature_is_checked(tell, signed):
    secret, headers = signed
    assert tell(headers, BODY, secret)
    assert not tell(headers, BODY + b" ", secret)
    assert not tell(headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}, BODY, secret)


@pytest.mark.parametrize("tell", [told_by_python, told_by_node])
def test_a_message_that_was_recorded_long_ago_is_not_genuine(tell):
    webhook = Webhook()
    secret, then = give_secret(webhook), int(time.time()) - 301
    headers = {"webhook-id": "one", "webhook-timestamp": str(then)}
    assert not tell(headers | {"webhook-signature": signature(webhook, "one", then, BODY)}, BODY, secret)
