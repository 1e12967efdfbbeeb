"""An import is listed while it runs, and is never said to run when it does not."""

import datetime as dt
import http.client
import json
import signal
import subprocess
import sys

import psycopg
import pytest

from importexport.errors import INTERRUPTED
from tests.support.installation import ROOT
from tests.support.real import RealTenant, be_cut_off, contacts, wait_until_blocked
from tests.support.waiting import Background, ended, wait_until

ROWS = 10


def listed(tenant, *, server=None, query=""):
    """Return the runs as the API lists them."""
    client = http.client.HTTPConnection("127.0.0.1", (server or tenant.server).port, timeout=60)
    client.request("GET", f"/api/v1/importexport/imports?{query}", headers={"X-Api-Key": tenant.secret})
    return json.loads(client.getresponse().read())["results"]


def running(tenant):
    """Wait until an import is listed as running; return it."""
    return wait_until(lambda: listed(tenant, query="status=running"), "an import is listed as running")[0]


def of_status(tenant, run, status, **options):
    """Wait until the API lists an import with a status; return it."""
    found = lambda: [one for one in listed(tenant, **options) if (one["id"], one["status"]) == (run["id"], status)]  # noqa: E731
    return wait_until(found, f"the import is {status}")[0]


class Held:
    """A lock on the contacts, in which every import of contacts is stuck."""

    def __init__(self, server, tenant):
        self.by_hand = psycopg.connect(server.database_url)
        self.by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        self.tenant = tenant

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.by_hand.close()

    def backend(self):
        """Return the process id of the database session that waits."""
        return wait_until_blocked(self.tenant, self.by_hand)

    def let_go(self):
        self.by_hand.rollback()


@pytest.fixture
def tenant(server):
    return RealTenant(server)


def test_an_import_is_listed_while_it_runs_and_then_done_under_the_same_id(server, tenant):
    before = dt.datetime.now(dt.UTC)
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        held.backend()
        started = dt.datetime.now(dt.UTC)
        run = running(tenant)
        assert (run["fileName"], run["channel"], run["totalRows"]) == ("f.csv", "api", 0)
        assert run["size"] == len(contacts(range(ROWS)))
        held.let_go()
    assert importing.outcome()[0] == 200
    (done,) = listed(tenant)
    assert (done["id"], done["status"], done["imported"]) == (run["id"], "done", ROWS)
    assert done["createdAt"] == run["createdAt"]
    began = dt.datetime.fromisoformat(run["createdAt"])
    assert before.replace(microsecond=0) <= began <= started


def test_a_running_import_is_no_plan_to_apply(server, tenant):
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        status, problem = tenant.send(f"imports/{running(tenant)['id']}/apply")
        assert (status, problem["type"]) == (409, "/api/docs/problems#not-a-plan")
        held.let_go()
    assert importing.outcome()[0] == 200


def test_an_import_that_waits_for_another_one_is_listed_as_well(server, tenant):
    with Held(server, tenant) as held:
        first = Background(tenant.post, "contacts", contacts(range(ROWS)))
        held.backend()
        second = Background(tenant.post, "contacts", contacts(range(ROWS)))
        wait_until(lambda: len(listed(tenant, query="status=running")) == 2, "both are listed")
        held.let_go()
    assert first.outcome()[0] == second.outcome()[0] == 200
    assert [run["status"] for run in listed(tenant)] == ["done", "done"]


def test_one_that_waited_too_long_is_not_listed_any_more(start_server):
    server = start_server(RALLY_IMPORT_WAIT="3")
    tenant = RealTenant(server)
    with Held(server, tenant):
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        running(tenant)
        assert importing.outcome()[0] == 503
        assert listed(tenant) == []


def test_a_file_that_fails_after_it_was_announced_is_listed_as_failed(server, tenant):
    content = b"first_name,last_name,email\n" + b"Ada,Lovelace,ada@x.example\n" * 4000 + b'"'
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", content)
        run = running(tenant)
        held.let_go()
    status, problem = importing.outcome()
    (failed,) = listed(tenant)
    assert (status, failed["id"], failed["status"]) == (400, run["id"], "failed")
    assert failed["error"] == problem["detail"]


def test_one_whose_server_was_killed_is_failed_when_the_next_one_has_started(start_server):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    with Held(server, tenant) as held:
        asking = Background(be_cut_off, tenant.post, "contacts", contacts(range(ROWS)))
        run = running(tenant)
        server.kill()
        asking.outcome()
        held.let_go()
    again = start_server(over=server, RALLY_WORKER="1")
    failed = of_status(tenant, run, "failed", server=again)
    assert failed["error"] == INTERRUPTED
    assert failed["finishedAt"]
    assert tenant.count("contact") == 0


def test_one_that_lost_its_database_session_is_failed(start_server):
    server = start_server()
    tenant = RealTenant(server)
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        run = running(tenant)
        tenant.sql("SELECT pg_terminate_backend(%s)", held.backend())
        assert importing.outcome()[0] == 503
        held.let_go()
    assert of_status(tenant, run, "failed")["error"] == INTERRUPTED


def test_one_whose_announcer_lost_its_session_is_done_all_the_same(start_server):
    server = start_server()
    tenant = RealTenant(server)
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        run = running(tenant)
        idle = "datname = current_database() AND state = 'idle' AND pid <> pg_backend_pid()"
        tenant.sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {idle}")
        assert of_status(tenant, run, "running")
        held.let_go()
    assert importing.outcome()[0] == 200
    assert of_status(tenant, run, "done")["imported"] == ROWS


def test_one_whose_announcement_was_deleted_is_done_all_the_same(server, tenant):
    with Held(server, tenant) as held:
        importing = Background(tenant.post, "contacts", contacts(range(ROWS)))
        run = running(tenant)
        tenant.sql("DELETE FROM importexport_importrun WHERE id = %s RETURNING id", run["id"])
        held.let_go()
        assert importing.outcome()[0] == 200
    assert of_status(tenant, run, "done")["imported"] == ROWS


def test_the_progress_of_a_long_import_is_told(server, tenant):
    importing = Background(tenant.post, "contacts", contacts(range(150_000)))
    done = wait_until(lambda: [run["rowsDone"] for run in listed(tenant) if run["rowsDone"]], "rows are done")
    assert 0 < done[0] <= 150_000
    assert importing.outcome()[0] == 200
    assert listed(tenant)[0]["rowsDone"] == 150_000


def test_a_killed_command_is_failed_when_the_imports_are_listed(installation, tmp_path):
    assert installation.manage("create_tenant", "acme", "--name", "Acme").returncode == 0
    path = tmp_path / "contacts.csv"
    path.write_bytes(contacts(range(ROWS)))
    command = [sys.executable, "manage.py", "import", "contacts", str(path), "--tenant", "acme"]
    with installation.connect() as connection, psycopg.connect(installation.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            command, cwd=ROOT, env=installation.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        ask = lambda query: connection.execute(query).fetchone()  # noqa: E731
        wait_until(lambda: ask("SELECT 1 FROM importexport_importrun WHERE status = 'running'"), "it is announced")
        assert " running " in installation.manage("imports", "list", "--tenant", "acme").stdout
        process.send_signal(signal.SIGKILL)
        ended(process)
        by_hand.rollback()
        connection.execute("UPDATE importexport_lease SET seen_at = now() - interval '11 seconds'")
    (line,) = installation.manage("imports", "list", "--tenant", "acme").stdout.splitlines()
    assert " failed " in line
