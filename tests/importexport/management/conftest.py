"""Fixtures of the commands: an installation, and a shell with its own tenant and directory."""

import uuid

import pytest

from tests.support.in_process import new_installation
from tests.support.shell import Shell

__all__ = ["new_installation"]


@pytest.fixture(scope="module")
def shared(new_installation):
    """An installation shared by these tests, each with its own tenant."""
    return new_installation()


@pytest.fixture
def shell(shared, tmp_path):
    slug = f"t-{uuid.uuid4().hex[:12]}"
    with shared.connect() as connection:
        connection.execute(
            "INSERT INTO crm_tenant (slug, name, currency, timezone) VALUES (%s, 'T', 'USD', 'UTC')", [slug]
        )
    return Shell(shared, slug, tmp_path)
