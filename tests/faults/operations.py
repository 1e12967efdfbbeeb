"""Operations of users and API clients on a server, and their visible effects in the database."""

import contextlib
import datetime as dt
import http.client
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import override_settings

from importexport.errors import INTERRUPTED
from tests.support.real import RealTenant
from tests.support.waiting import moments

BASE = "/api/v1/importexport"
#: Of a run in an answer: what is the same whenever it is asked for, and whoever asks.
LASTING = ("kind", "entity", "status", "totalRows", "imported", "skipped", "created", "updated", "deleted", "conflicts")


@dataclass(frozen=True)
class Answer:
    """A response to a request, or the output of a command. Status 0 means none, or an incomplete one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """The detail of a problem, or the body of any other response."""
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return self.json["detail"]
        return self.body[:300].decode(errors="replace")

    @property
    def gist(self) -> Any:
        """The part of a response that must be the same for a repeated request."""
        if not self.body.startswith(b"{"):
            return None
        found = self.json
        return {name: found[name] for name in LASTING} if "id" in found else found

    @property
    def is_honest_503(self) -> bool:
        """Whether this is a correct 503: with Retry-After, and problem details or a page."""
        kind = self.headers.get("Content-Type", "")
        is_readable = kind == "application/problem+json" or kind.startswith("text/html")
        return self.status == 503 and self.headers.get("Retry-After", "").isdecimal() and is_readable

    @property
    def says_wait(self) -> bool:
        """Whether the client is asked to retry later."""
        is_busy = self.status == 409 and any(words in self.detail for words in ("at this moment", "still being made"))
        return self.is_honest_503 or is_busy or self.status == 0


class Caller(RealTenant):
    """A tenant on a running server, which returns raw responses."""

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, port: int = 0
    ) -> Answer:
        """Send a request and read the complete response."""
        client = http.client.HTTPConnection("127.0.0.1", port or self.server.port, timeout=120)
        try:
            client.request(method, path, body, {"X-Api-Key": self.secret} | dict(headers or {}))
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            return Answer(0)
        finally:
            client.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", f"{BASE}/{path}")

    def command(self, path: str, *, key: str = "") -> Answer:
        """Send an empty POST."""
        return self.ask("POST", f"{BASE}/{path}", headers=keyed(key))

    def upload(self, path: str, content: bytes, *, key: str = "") -> Answer:
        """Send a file."""
        body, kind = form_of(content)
        return self.ask("POST", f"{BASE}/{path}", body, kind | keyed(key))

    def plan(self, content: bytes, query: str = "") -> str:
        """Plan an import of contacts, which must succeed; return its id."""
        answer = self.upload(f"contacts/plan?{query}", content)
        assert answer.status == 201, answer
        return answer.json["id"]

    def bring(self, content: bytes, query: str = "") -> str:
        """Import contacts, which must succeed; return the run's id."""
        answer = self.upload(f"contacts/import?{query}", content)
        assert answer.status == 200, answer
        return self.get("imports?limit=1").json["results"][0]["id"]

    def manage(self, *args: str, **options: Any) -> Answer:
        """Run a command in a shell."""
        done = self.server.manage(*args, "--tenant", self.slug, **options)
        return Answer(done.returncode, {"stderr": done.stderr}, done.stdout.encode())


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def form_of(content: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    """Return a form with a file, and its Content-Type header."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = '--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\nContent-Type: text/csv\r\n\r\n'
    body = "".join([*parts, head]).encode() + content + b"\r\n--b--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=b"}


def people(numbers: range, *, phone: str = "1", bad: int = 3) -> bytes:
    """Return a file with contacts of one company, followed by rows that are rejected."""
    rows = [f"Ada,Lovelace,c{n}@example.com,{phone},Acme\n" for n in numbers]
    rows += [f"Ada,Lovelace,nobody{n},{phone},Acme\n" for n in range(bad)]
    return "".join(["first_name,last_name,email,phone,company_name\n", *rows]).encode()


# --- users of the admin ---------------------------------------------------------------------------------------


class Staff(Caller):
    """A tenant, and a signed-in member of its staff."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        user = User(username=self.slug, password="!", is_staff=True)
        (user.pk,) = self.sql(
            "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,"
            " date_joined) VALUES ('!', false, %s, '', '', '', true, true, now()) RETURNING id",
            user.username,
        )
        self.sql(
            "INSERT INTO crm_membership (tenant_id, user_id, role) VALUES (%s, %s, 'admin') RETURNING id",
            self.pk, user.pk,
        )  # fmt: skip
        self._cookie = f"sessionid={self._session(user)}; csrftoken={'c' * 32}"

    def _session(self, user: User) -> str:
        """Create a session like the server, with its secret key."""
        secret = Path(self.server.env["RALLY_DATA_DIR"], "secret_key").read_text()
        backend = "django.contrib.auth.backends.ModelBackend"
        with override_settings(SECRET_KEY=secret):
            content = {"_auth_user_id": str(user.pk), "_auth_user_backend": backend}
            data = SessionStore().encode(content | {"_auth_user_hash": user.get_session_auth_hash()})
        key, end = secrets.token_hex(16), dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        self.sql("INSERT INTO django_session VALUES (%s, %s, %s) RETURNING 1", key, data, end)
        return key

    def open(self, path: str) -> Answer:
        return self.ask("GET", f"/admin/{path}", headers={"Cookie": self._cookie})

    def submit(self, path: str, content: bytes = b"", **fields: str) -> Answer:
        """Send a form with a file."""
        body, kind = form_of(content, csrfmiddlewaretoken="c" * 32, **fields)
        return self.ask("POST", f"/admin/{path}", body, kind | {"Cookie": self._cookie})


# --- operations ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """An operation. ``send`` receives the value returned by ``prepare``, and an Idempotency-Key."""

    name: str
    prepare: Callable[[Any], Any]
    send: Callable[[Any, Any, str], Answer]
    #: What is answered when it is done.
    right: int
    #: Whether it may simply be sent again, whatever became of it.
    is_repeatable: bool = True

    def __str__(self) -> str:
        return self.name


# --- visible effects ------------------------------------------------------------------------------------------


def records(tenant: Caller) -> tuple[int, int, int]:
    """Return the number of contacts, of contacts that an update has changed, and of companies."""
    return tenant.sql(
        "SELECT (SELECT count(*) FROM crm_contact WHERE tenant_id = %s),"
        " (SELECT count(*) FROM crm_contact WHERE tenant_id = %s AND phone = '2'),"
        " (SELECT count(*) FROM crm_company WHERE tenant_id = %s)",
        tenant.pk, tenant.pk, tenant.pk,
    )  # fmt: skip


RUNS = """
SELECT kind, status, total_rows, imported, skipped, fault,
  ARRAY(SELECT action || ' ' || sum(n) FROM importexport_ledgerpage p, unnest(p.counts) n WHERE p.run_id = r.id
        GROUP BY action ORDER BY 1),
  ARRAY(SELECT action || ' ' || entity || ' ' || count(*) FROM importexport_rowchange c WHERE c.run_id = r.id
        GROUP BY action, entity ORDER BY 1),
  (SELECT count(*) FROM importexport_skippedrow s WHERE s.run_id = r.id)
FROM importexport_importrun r WHERE tenant_id = %s AND fault <> %s ORDER BY created_at
"""


def runs(tenant: Caller) -> list[tuple[Any, ...]]:
    """Return a tenant's runs with the totals of their row logs, oldest first."""
    with tenant.server.kept_connection() as connection:
        return connection.execute(RUNS, [tenant.pk, INTERRUPTED]).fetchall()


def seen(tenant: Caller) -> tuple[Any, ...]:
    """Return all visible effects on a tenant."""
    return records(tenant), runs(tenant)


def is_settled(tenant: Caller) -> bool:
    """Whether a tenant has no unfinished runs."""
    return not tenant.sql(
        "SELECT 1 FROM importexport_importrun WHERE tenant_id = %s AND status IN ('planning', 'applying', 'running')",
        tenant.pk,
    )


def wait_until_settled(tenant: Caller, *, seconds: float = 60) -> bool:
    """Wait for a tenant's runs; return whether they have finished."""
    return any(is_settled(tenant) for _ in moments(seconds, 0.1))


def send_until_right(operation: Operation, tenant: Caller, prepared: Any, key: str) -> list[Answer]:
    """Repeat a request while the server asks to retry; return all responses, the last of which is the outcome."""
    answers = []
    for _ in moments(60, 0.3):
        answers.append(operation.send(tenant, prepared, key))
        if not answers[-1].says_wait:
            break
    return answers
