"""Tenants on a real server, and concurrent requests, for tests."""

import contextlib
import http.client
import json
import secrets

from crm.models.api_key import ALPHABET, PREFIX, digest_of
from tests.support.openapi import check_answer
from tests.support.waiting import wait_until


class RealTenant:
    """A tenant with an API key on a running server. Rows are inserted directly into its database."""

    def __init__(self, server):
        self.server, self.slug = server, f"t{secrets.token_hex(5)}"
        self.secret = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(40))
        (self.pk,) = self.sql(
            "INSERT INTO crm_tenant (slug, name, currency, timezone) VALUES (%s, %s, 'USD', 'UTC') RETURNING id",
            self.slug, self.slug,
        )  # fmt: skip
        (pipeline,) = self.sql(
            "INSERT INTO crm_pipeline (tenant_id, name, name_key, is_default) VALUES (%s, 'Sales', 'sales', true) RETURNING id",
            self.pk,
        )
        self.sql(
            "INSERT INTO crm_stage (tenant_id, pipeline_id, name, name_key, probability, position)"
            " VALUES (%s, %s, 'Lead', 'lead', 10, 0) RETURNING id",
            self.pk, pipeline,
        )  # fmt: skip
        self.sql(
            "INSERT INTO crm_apikey (tenant_id, name, scope, digest) VALUES (%s, 'test', 'admin', %s) RETURNING id",
            self.pk, digest_of(self.secret),
        )  # fmt: skip

    def sql(self, statement, *values):
        with self.server.kept_connection() as connection:
            return connection.execute(statement, values).fetchone()

    def count(self, table):
        return self.sql(f"SELECT count(*) FROM crm_{table} WHERE tenant_id = %s", self.pk)[0]

    def send(self, path, *, server=None, headers=None):
        """Send an empty POST; return the status and the body."""
        return self._ask("POST", path, server=server, headers=headers)

    def post(self, entity, content, *, server=None, headers=None, to="import", query=""):
        """Import a file; return the status and the body."""
        head = '--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"} | (headers or {})
        return self._ask("POST", f"{entity}/{to}?{query}", server=server, headers=headers, body=body)

    def _ask(self, method, path, *, server, headers, body=None):
        answer = self.ask(method, path, server=server, headers=headers, body=body)
        return answer.status, json.loads(answer.body)

    def ask(self, method, path, *, server=None, headers=None, body=None):
        """Make a request; return the response with its body."""
        port = (server or self.server).port
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as client:
            target = f"/api/v1/importexport/{path}"
            client.request(method, target, body=body, headers={"X-Api-Key": self.secret} | (headers or {}))
            answer = client.getresponse()
            answer.body = answer.read()
        check_answer(method, target, status=answer.status, headers=answer.headers, body=answer.body)
        return answer

    def export(self, entity, *, server=None):
        client = http.client.HTTPConnection("127.0.0.1", (server or self.server).port, timeout=120)
        client.request("GET", f"/api/v1/importexport/{entity}/export", headers={"X-Api-Key": self.secret})
        answer = client.getresponse()
        assert answer.status == 200
        return answer.read().decode()


def contacts(numbers, *, company=""):
    rows = "".join(f"Ada,Lovelace,c{n}@example.com,{company}\n" for n in numbers)
    return f"first_name,last_name,email,company_name\n{rows}".encode()


def add_contact(connection, tenant, email):
    """Add a contact over a connection, in its current transaction."""
    connection.execute(
        "INSERT INTO crm_contact (tenant_id, first_name, last_name, email, email_key, phone, mobile, title, department,"
        " address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)"
        " VALUES (%s, 'By', 'Hand', %s, %s, '', '', '', '', '', '', '', '', '', 'lead', '', '{}', '')",
        [tenant.pk, email, email],
    )


def add_company(connection, tenant, name, domain=""):
    """Add a company over a connection, in its current transaction."""
    connection.execute(
        "INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone, website,"
        " address, city, state, country, postal_code, tags, notes)"
        " VALUES (%s, %s, lower(%s), %s, %s, '', '', '', '', '', '', '', '', '', '{}', '')",
        [tenant.pk, name, name, domain, domain],
    )


def wait_until_blocked(tenant, blocker):
    """Wait until a session waits for a lock that a connection holds; return its process id."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    (pid,) = wait_until(lambda: tenant.sql(waiting, blocker.info.backend_pid), "somebody waits for a lock", pause=0.005)
    return pid


def wait_for_progress(tenant, rows):
    """Wait until the running import has used this number of ids."""
    taken = "SELECT last_value FROM crm_contact_id_seq WHERE is_called AND last_value >= %s"
    wait_until(lambda: tenant.sql(taken, rows), f"{rows} contacts have an id", pause=0.005)


def wait_for_status(tenant, run, status, **options):
    """Wait until a run has a status."""
    asked = "SELECT 1 FROM importexport_importrun WHERE id = %s AND status = %s"
    wait_until(lambda: tenant.sql(asked, run, status), f"{run} is {status}", **options)


def be_cut_off(call, *args):
    """Send a request whose response may be incomplete or missing."""
    with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
        call(*args)
