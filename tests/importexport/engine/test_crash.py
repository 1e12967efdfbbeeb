"""After kill -9 at any moment, an import is stored completely or not at all."""

import hashlib
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from crm.models import Tenant
from importexport.db.locks import entity_lock
from tests.support.installation import OF_THIS_DATABASE, ROOT
from tests.support.real import RealTenant, be_cut_off, contacts, wait_for_progress, wait_for_status, wait_until_blocked
from tests.support.waiting import Background, ended, wait_until

ROWS = 20_000


@pytest.mark.parametrize("written", [0.05, 0.5, 0.95])
def test_a_killed_server_leaves_all_of_an_import_or_none(start_server, written):
    server = start_server()
    tenant = RealTenant(server)
    Background(be_cut_off, tenant.post, "contacts", contacts(range(ROWS)))
    wait_for_progress(tenant, int(ROWS * written))
    server.kill()
    assert tenant.count("contact") in {0, ROWS}
    again = start_server(over=server)
    status, result = tenant.post("contacts", contacts(range(ROWS)), server=again)
    assert status == 200
    assert result["imported"] + result["skipped"] == tenant.count("contact") == ROWS


def test_a_killed_command_leaves_none_of_an_import(installation, tmp_path):
    assert installation.manage("create_tenant", "acme", "--name", "Acme").returncode == 0
    path = tmp_path / "contacts.csv"
    path.write_bytes(contacts(range(ROWS)))
    command = [sys.executable, "manage.py", "import", "contacts", str(path), "--tenant", "acme"]
    process = subprocess.Popen(command, cwd=ROOT, env=installation.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with installation.connect() as connection:
        ask = lambda query: connection.execute(query).fetchone()[0]  # noqa: E731
        wait_until(lambda: ask("SELECT is_called FROM crm_contact_id_seq"), "rows are stored", pause=0.005)
        process.send_signal(signal.SIGKILL)
        ended(process)
        locks = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {OF_THIS_DATABASE}"
        wait_until(lambda: ask(locks) == 0, "the session of the killed command has ended")
        assert connection.execute("SELECT count(*) FROM crm_contact").fetchone()[0] == 0
    again = installation.manage("import", "contacts", str(path), "--tenant", "acme")
    assert again.stdout.endswith(f"{ROWS} rows: {ROWS} imported, 0 skipped.\n")


def test_a_lost_database_connection_is_503_and_the_next_request_works(start_server):
    server = start_server()
    tenant = RealTenant(server)
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        importing = Background(tenant.post, "contacts", contacts(range(10)))
        tenant.sql("SELECT pg_terminate_backend(%s)", wait_until_blocked(tenant, by_hand))
        status, body = importing.outcome()
        by_hand.rollback()
    assert (status, body["title"]) == (503, "Service Unavailable")
    assert tenant.post("contacts", contacts(range(10))) == (
        200,
        {"totalRows": 10, "imported": 10, "skipped": 0, "errors": []},
    )
    assert "Traceback" not in body["detail"]


def test_an_admin_import_interrupted_by_kill_9_is_done_once_by_the_next_server(start_server):
    server = start_server()
    tenant = RealTenant(server)
    run = confirmed_run(tenant, contacts(range(ROWS)))
    server.kill()
    server = start_server(over=server, RALLY_WORKER="1")
    wait_for_progress(tenant, ROWS // 2)
    server.kill()
    assert tenant.count("contact") in {0, ROWS}
    start_server(over=server, RALLY_WORKER="1")
    wait_for_status(tenant, run, "done")
    assert tenant.count("contact") == ROWS
    assert tenant.sql("SELECT imported, skipped FROM importexport_importrun WHERE id = %s", run) == (ROWS, 0)


def test_what_a_killed_server_left_is_taken_up_though_one_tenant_has_to_wait(start_server):
    server = start_server()
    busy, other = RealTenant(server), RealTenant(server)
    server.kill()
    left = [confirmed_run(busy, contacts(range(n, n + 2))) for n in range(10)]
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("SELECT pg_advisory_xact_lock(%s, %s)", entity_lock(Tenant(pk=busy.pk), "contacts"))
        others = [confirmed_run(other, contacts(range(n, n + 2))) for n in range(5)]
        start_server(over=server, RALLY_WORKER="1")
        for run in others:
            wait_for_status(other, run, "done")
        assert busy.count("contact") == 0
        by_hand.rollback()
    for run in left:
        wait_for_status(busy, run, "done")
    assert (busy.count("contact"), other.count("contact")) == (11, 6)


def confirmed_run(tenant, content):
    """Store a file whose import has just been confirmed."""
    name = f"{tenant.pk}/{uuid.uuid4()}"
    path = Path(tenant.server.env["RALLY_DATA_DIR"], "uploads", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (run,) = tenant.sql(
        "INSERT INTO importexport_importrun (id, tenant_id, entity, door, status, actor, file_name, upload_name, size,"
        " sha256, rows_done, bytes_done, total_rows, imported, skipped, header, fault, groups, sample) VALUES"
        " (gen_random_uuid(), %s, 'contacts', 'admin', 'applying', 'ada', 'people.csv', %s, %s, %s, 0, 0, 0, 0, 0, '{}',"
        " '', '[]', '[]') RETURNING id",
        tenant.pk,
        name,
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    return run
