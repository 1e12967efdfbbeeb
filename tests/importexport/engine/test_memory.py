"""Memory use hardly depends on the size of a file: tens of thousands of rows need little more than one."""

import json
import subprocess
import sys

import pytest

from tests.support.installation import ROOT

ROWS = 60_000
#: How much the whole process may grow, in kB.
ROOM = 32 * 1024

#: What each run does after a warm-up; it prints its own peak of memory before and after, and what came of it.
PROGRAM = """
import io, itertools, json, pathlib, sys
import django
django.setup()
from crm.models import Tenant
from importexport import services
from importexport.models import ImportRun
from importexport.runs import lifecycle

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

def take(row):
    run = ImportRun(tenant=tenant, entity="contacts", channel="shell")
    report = services.import_file(run, Lines(row))
    return report.total_rows, report.imported, len(report.messages), sum(1 for _ in report.json_chunks())

def change(row):
    global changed
    options = {"mode": "upsert", "match_on": "email"}
    changed = ImportRun(tenant=tenant, entity="contacts", channel="shell", options=options)
    report = services.import_file(changed, Lines(row))
    return report.total_rows, report.imported, changed.counts["update"]

def take_back():
    undo = lifecycle.plan_undo(changed, channel="shell")
    lifecycle.apply_now(undo)
    undo.refresh_from_db()
    return undo.counts["update"], undo.skipped

def give(format):
    return sum(map(len, services.export_file("contacts", tenant=tenant, format=format)))

class Lines(io.RawIOBase):
    "A file that is made while it is read, so that it is not in memory itself."
    def __init__(self, row):
        header = "first_name,last_name,email,phone,city,tags,notes\\n"
        self.lines = itertools.chain([header], (row % n for n in range(count)))
        self.rest = b""
    def seekable(self):
        return True
    def tell(self):
        return 0
    def seek(self, place, whence=0):
        assert place == 0 and not self.rest, "it is read once"
        return 0
    def read(self, size=-1):
        while len(self.rest) < size and (line := next(self.lines, None)):
            self.rest += line.encode()
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

GOOD = "Ada,Lovelace,{}%d@example.com,+49 30 1234,Zürich,\\"vip,new\\",Some words about this person that take a line\\n"
BAD = "Ada,,{}%d is no address,+49 30 1234,Zürich,vip,Some words about this person that take a line\\n"
tenant = Tenant.objects.create(slug="acme", name="Acme")
count = 1
for row in (GOOD, BAD):
    take(row.format("warm-up"))
change(GOOD.format("warm-up").replace("vip", "VIP"))
take_back()
for format in ("csv", "xlsx"):
    give(format)
count = int(sys.argv[1])
answers = {}
for name, run in {
    "import": lambda: take(GOOD.format("ada")),
    "upsert": lambda: change(GOOD.format("ada").replace("vip", "VIP")),
    "undo": take_back,
    "bad": lambda: take(BAD.format("ada")),
    "csv": lambda: give("csv"),
    "xlsx": lambda: give("xlsx"),
}.items():
    before = peak()
    answers[name] = {"result": run(), "grown": peak() - before}
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(new_installation):
    installation = new_installation()
    env = installation.env | {"DJANGO_SETTINGS_MODULE": "rally.settings"}
    command = [sys.executable, "-c", PROGRAM, str(ROWS)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def grown(answers, *names):
    """The growth of the process's peak memory after each step, in kB."""
    return sum(answers[name]["grown"] for name in names)


def test_an_import_uses_constant_memory(answers):
    assert answers["import"]["result"][:3] == [ROWS, ROWS, 0]
    assert grown(answers, "import") <= ROOM


def test_an_upsert_uses_constant_memory(answers):
    assert answers["upsert"]["result"] == [ROWS, ROWS, ROWS]
    assert grown(answers, "import", "upsert") <= ROOM


def test_an_undo_uses_constant_memory(answers):
    assert answers["undo"]["result"] == [ROWS, 0]
    assert grown(answers, "import", "upsert", "undo") <= ROOM


def test_an_import_of_bad_rows_uses_constant_memory(answers):
    assert answers["bad"]["result"][:3] == [ROWS, 0, ROWS]
    assert grown(answers, "import", "upsert", "undo", "bad") <= ROOM


def test_exports_use_constant_memory(answers):
    assert answers["csv"]["result"] > ROWS * 100
    assert answers["xlsx"]["result"] > 100_000
    assert grown(answers, *answers) <= ROOM
