"""A tenant with keys, and servers to ask with them."""

import datetime
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from crm.models.api_key import ALPHABET, PREFIX, SECRET_LENGTH, digest_of
from tests.importexport.api.wire import Api
from tests.support.installation import Server


@dataclass
class Account:
    """A tenant as the servers' database has it. Rows are written straight into it: a command would take a second."""

    server: Server
    slug: str
    pk: int = 0

    def __post_init__(self) -> None:
        self.pk = self.sql(
            "INSERT INTO crm_tenant (slug, name, currency, timezone) VALUES (%s, %s, 'USD', 'UTC') RETURNING id",
            self.slug,
            self.slug,
        )

    def sql(self, statement: str, *values: Any) -> Any:
        """Run a statement; return the first value that it gives."""
        with self.server.kept_connection() as connection:
            cursor = connection.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def add_key(self, scope: str = "write", *, expires_at: datetime.datetime | None = None) -> str:
        """Make a key, and return its secret."""
        secret = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
        self.sql(
            "INSERT INTO crm_apikey (tenant_id, name, scope, digest, expires_at) VALUES (%s, %s, %s, %s, %s)",
            self.pk,
            secrets.token_hex(6),
            scope,
            digest_of(secret),
            expires_at,
        )
        return secret

    def count(self, entity: str = "contact") -> int:
        """Return how many records are stored."""
        return self.sql(f"SELECT count(*) FROM crm_{entity} WHERE tenant_id = %s", self.pk)


@pytest.fixture(scope="session")
def api(server: Server) -> Api:
    """A server as `make serve` starts it."""
    return Api(server)


@pytest.fixture(scope="session")
def strict_api(server: Server, launch: Callable[..., Server]) -> Iterator[Api]:
    """One over the same records, with tenants in its host names, few requests a minute and little patience."""
    strict = launch(
        over=server,
        RALLY_RATE_LIMIT="5",
        RALLY_UPLOAD_TIMEOUT="3",
        RALLY_UPLOAD_IDLE_TIMEOUT="1",
        RALLY_BASE_DOMAIN="rally.test",
        ALLOWED_HOSTS="127.0.0.1,crm.example",
    )
    yield Api(strict)
    strict.stop()


@pytest.fixture
def account(server: Server) -> Account:
    """A tenant without records."""
    return Account(server, f"t{secrets.token_hex(6)}")


@pytest.fixture
def key(account: Account) -> str:
    """A key that may import."""
    return account.add_key()
