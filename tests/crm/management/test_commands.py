"""Commands for tenants, keys and users."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE

import pytest

from crm.models.api_key import digest_of


@pytest.fixture(scope="module")
def shared(new_installation):
    """An installation shared by tests that create their own tenants."""
    return new_installation()


@pytest.fixture
def slug(shared):
    """A tenant at UTC-7 all year."""
    slug = f"t-{uuid.uuid4().hex[:12]}"
    with shared.connect() as connection:
        connection.execute(
            "INSERT INTO crm_tenant (slug, name, currency, timezone) VALUES (%s, 'T', 'USD', 'America/Phoenix')",
            [slug],
        )
    return slug


def rows(installation, query, *params):
    with installation.connect() as connection:
        return connection.execute(query, params).fetchall()


def keys_of(installation, slug):
    query = "SELECT k.name, scope, digest, expires_at, revoked_at IS NOT NULL FROM crm_apikey k"
    return rows(installation, f"{query} JOIN crm_tenant t ON t.id = tenant_id WHERE slug = %s ORDER BY k.id", slug)


def refusal(done):
    """Return the only line of stderr of a command with status 2 and no output."""
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


def test_a_tenant_has_its_currency_its_zone_its_locale_and_the_default_pipeline(installation):
    done = installation.manage(
        "create_tenant", "acme", "--name", "Acme Inc", "--currency", "eur", "--timezone", "Europe/Berlin",
        "--locale", "en-DE",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "Tenant 'acme' created.\n", "")
    assert rows(installation, "SELECT slug, name, currency, timezone, locale FROM crm_tenant") == [
        ("acme", "Acme Inc", "EUR", "Europe/Berlin", "en-DE")
    ]
    assert rows(installation, "SELECT s.name, s.probability FROM crm_stage s ORDER BY position") == [
        ("Lead", 10), ("Qualified", 25), ("Proposal", 50), ("Negotiation", 75), ("Closed Won", 100), ("Closed Lost", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["Not a slug", "--name", "X"], "A slug is a host label"),
        (["acme", "--name", "X", "--currency", "DEM"], "“DEM” is not an ISO 4217 currency code in use."),
    ],
)
def test_an_invalid_tenant_is_one_line(shared, arguments, line):
    assert refusal(shared.manage("create_tenant", *arguments)).startswith(line)
    assert rows(shared, "SELECT FROM crm_tenant WHERE slug = ANY(%s)", [arguments[0], "acme"]) == []


def test_a_slug_is_unique(shared, slug):
    assert refusal(shared.manage("create_tenant", slug, "--name", "X")) == "This slug is taken. Choose another one."
    assert rows(shared, "SELECT name FROM crm_tenant WHERE slug = %s", slug) == [("T",)]


def test_a_key_is_printed_alone_and_only_its_digest_is_stored(shared, slug):
    done = shared.manage("create_api_key", slug, "--name", "ci")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"rk_live_00[0-9A-Za-z]{40}\n", done.stdout)
    assert keys_of(shared, slug) == [("ci", "write", digest_of(done.stdout.strip()), None, False)]


def test_a_key_that_cannot_be_printed_is_not_stored(shared, slug):
    with Path("/dev/full").open("wb") as full:
        done = shared.manage("create_api_key", slug, "--name", "ci", capture_output=False, stdout=full, stderr=PIPE)
    assert (done.returncode, done.stderr) == (2, "No space left on device.\n")
    assert keys_of(shared, slug) == []


def test_a_key_has_a_scope_and_expires_at_midnight_of_the_tenants_zone(shared, slug):
    done = shared.manage("create_api_key", slug, "--name", "ci", "--scope", "read", "--expires", "2100-01-01")
    assert done.returncode == 0
    ((_name, scope, _digest, expires_at, _revoked),) = keys_of(shared, slug)
    assert (scope, expires_at) == ("read", datetime(2100, 1, 1, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--name", "ci", "--expires", "2020-01-01"], "2020-01-01 is in the past."),
        (["--name", "ci", "--expires", "01/02/2100"], "'01/02/2100' is not an ISO 8601 date, such as 2027-01-01."),
        # In UTC this would be in the year 10000, which cannot be represented.
        (["--name", "ci", "--expires", "9999-12-31T20:00"], "'9999-12-31T20:00' is not an ISO 8601 date"),
        # Such as from an unset variable. It does not mean that the key never expires.
        (["--name", "ci", "--expires", ""], "'' is not an ISO 8601 date, such as 2027-01-01."),
        (["--name", ""], "This field cannot be blank."),
    ],
)
def test_an_invalid_key_is_one_line(shared, slug, options, line):
    assert refusal(shared.manage("create_api_key", slug, *options)).startswith(line)
    assert keys_of(shared, slug) == []


def test_an_unknown_tenant_is_one_line(shared):
    assert refusal(shared.manage("create_api_key", "nobody", "--name", "ci")) == "Tenant 'nobody' not found."


def test_a_key_is_revoked_and_its_name_free_again(shared, slug):
    shared.manage("create_api_key", slug, "--name", "ci")
    assert refusal(shared.manage("create_api_key", slug, "--name", "ci")) == "A key of this name is in use already."
    done = shared.manage("revoke_api_key", slug, "--name", "ci")
    assert (done.returncode, done.stdout, done.stderr) == (0, "API key 'ci' revoked.\n", "")
    assert shared.manage("create_api_key", slug, "--name", "ci").returncode == 0
    assert [(name, revoked) for name, _, _, _, revoked in keys_of(shared, slug)] == [("ci", True), ("ci", False)]


def test_an_unknown_key_is_one_line(shared, slug):
    assert refusal(shared.manage("revoke_api_key", slug, "--name", "ci")) == "API key 'ci' not found."


def test_keys_are_listed_without_their_secrets(shared, slug):
    insert = (
        "INSERT INTO crm_apikey (tenant_id, name, scope, digest, created_at, expires_at, revoked_at, last_used_at)"
        " SELECT id, k.name, scope, k.name || slug, '2025-01-02 03:04Z', expires_at::timestamptz, revoked_at::timestamptz,"
        " used_at::timestamptz FROM crm_tenant, (VALUES ('ci', 'write', NULL, NULL, '2025-06-01 10:00Z'),"
        " ('Zürich', 'read', '2100-01-01 00:00Z', NULL, NULL), ('old', 'admin', '2025-02-01 00:00Z', NULL, NULL),"
        " ('lost', 'read', NULL, '2025-03-01 00:00Z', NULL)) AS k (name, scope, expires_at, revoked_at, used_at)"
        " WHERE slug = %s"
    )
    with shared.connect() as connection:
        connection.execute(insert, [slug])
    done = shared.manage("list_api_keys", slug)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "NAME    SCOPE  STATE    CREATED            LAST USED          EXPIRES\n"
        "ci      write  active   2025-01-02 03:04Z  2025-06-01 10:00Z  -\n"
        "Zürich  read   active   2025-01-02 03:04Z  -                  2100-01-01 00:00Z\n"
        "old     admin  expired  2025-01-02 03:04Z  -                  2025-02-01 00:00Z\n"
        "lost    read   revoked  2025-01-02 03:04Z  -                  -\n"
    )


def test_a_superuser_needs_no_tenant(installation):
    installation.env |= {
        "DJANGO_SUPERUSER_USERNAME": "root",
        "DJANGO_SUPERUSER_PASSWORD": "correct horse",
        "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    }
    done = installation.manage("createsuperuser", "--noinput")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(installation, "SELECT username, is_superuser, is_staff FROM auth_user") == [("root", True, True)]
    assert rows(installation, "SELECT FROM crm_tenant") == []


def test_an_unavailable_database_is_one_line_and_status_2(installation):
    installation.env["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/nothing"
    done = installation.manage("list_api_keys", "acme")
    assert refusal(done).startswith("The database cannot be reached: ")
