"""The nightly sync of Integrate, in each language, word for word, over a network with faults."""

import contextlib
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from itertools import count

import pytest

from tests.docs.blocks import block
from tests.support.npm import give_up

HEADER = "first_name,last_name,email,company_name,Fax\n"
GOOD = "".join(f"Ada,Lovelace,ada{number}@example.com,Acme,\n" for number in range(10))
FILE = f"{HEADER}{GOOD}Bob,,nobody,,1\n"
REPORT = """10 created, 0 updated, 0 unchanged
Warning: The column 'Fax' is unknown: it has 1 filled cell, which is not imported (1 times)
Row 12, email: email (Invalid email format 'nobody')
"""


@pytest.fixture(params=["Python", "Node"])
def program(request, tmp_path):
    """The command of the sync, without its argument."""
    language, name = {"Python": ("python", "sync.py"), "Node": ("js", "sync.mjs")}[request.param]
    runs = sys.executable if request.param == "Python" else shutil.which("node")
    if runs is None:
        give_up("Node.js was not found: install it (apt-get install npm, or brew install node).")
    path = tmp_path / name
    path.write_text(block("docs/integrate.md", request.param, language))
    return [runs, str(path)]


@pytest.fixture
def sync(program, real_tenant, tmp_path):
    """A function that runs the sync of a file against a server; returns status, stdout and stderr."""

    def run(text, url=real_tenant.server.url):
        path = tmp_path / "contacts.csv"
        path.write_text(text)
        env = {"RALLY_URL": url, "RALLY_KEY": real_tenant.secret}
        done = subprocess.run([*program, str(path)], env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    return run


@contextlib.contextmanager
def lossy(port, *, lost):
    """Forward connections to a port; yield a URL. Responses on the connections whose number is in ``lost`` get lost."""
    numbers = count(1)

    class Forward(socketserver.BaseRequestHandler):
        def handle(self):
            is_lost = next(numbers) in lost
            with socket.create_connection(("127.0.0.1", port), timeout=60) as server:
                threading.Thread(target=pump, args=(self.request, server), daemon=True).start()
                while (received := server.recv(65536)) and not is_lost:
                    self.request.sendall(received)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


def pump(source, target):
    """Send what arrives at one end to the other."""
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            target.sendall(received)


def test_a_file_is_imported_and_its_rejected_rows_are_listed(sync, real_tenant):
    assert sync(FILE) == (0, REPORT, "")
    assert (real_tenant.count("contact"), real_tenant.count("company")) == (10, 1)


def test_started_again_it_does_nothing_twice(sync, real_tenant):
    assert sync(FILE) == sync(FILE)
    assert real_tenant.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", real_tenant.pk) == (1,)


def test_another_file_updates_what_is_there(sync):
    sync(FILE)
    status, shown, _ = sync(FILE.replace("ada3@example.com,Acme", "ada3@example.com,Globex"))
    assert (status, shown.splitlines()[0]) == (0, "0 created, 1 updated, 9 unchanged")


def test_lost_responses_are_asked_for_again(sync, real_tenant):
    with lossy(real_tenant.server.port, lost={1, 3}) as url:
        assert sync(FILE, url) == (0, REPORT, "")
    assert real_tenant.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", real_tenant.pk) == (1,)


def test_too_many_rejected_rows_stop_it(sync, real_tenant):
    status, shown, said = sync(f"{HEADER}{GOOD}Bob,,nobody,,\nBob,,nobody,,\n")
    assert (status, shown) == (1, "")
    assert said.startswith("2 of 12 rows would be rejected: see import ")
    assert real_tenant.count("contact") == 0


def test_a_fault_that_waiting_does_not_mend_stops_it(sync):
    status, _, said = sync("first_name\nAda\n")
    assert status == 1
    assert "/api/docs/problems#missing-column" in said


def test_a_plan_that_no_longer_holds_is_made_again(sync, real_tenant):
    """Somebody adds the company between plan and apply."""
    function = f"holds_{real_tenant.pk}"
    with real_tenant.server.connect() as connection:
        connection.execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone,"
            " website, address, city, state, country, postal_code, tags, notes)"
            " VALUES (NEW.tenant_id, 'Acme', 'acme', '', '', '', '', '', '', '', '', '', '', '', '{}', '')"
            " ON CONFLICT DO NOTHING; RETURN NEW; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER {function} AFTER UPDATE ON importexport_importrun FOR EACH ROW"
            f" WHEN (NEW.tenant_id = {real_tenant.pk} AND NEW.status = 'planned') EXECUTE FUNCTION {function}()"
        )
        try:
            status, shown, said = sync(FILE)
        finally:
            connection.execute(f"DROP TRIGGER {function} ON importexport_importrun")
            connection.execute(f"DROP FUNCTION {function}()")
    assert (status, shown, said) == (0, REPORT, "")
    assert real_tenant.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", real_tenant.pk) == (2,)
