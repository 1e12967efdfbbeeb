"""Tenants with a key."""

import pytest

from crm.models.tenant import create_tenant
from tests.importexport.clients import Api


@pytest.fixture
def tenant(db):
    return create_tenant(slug="acme", name="Acme Inc")


@pytest.fixture
def api(tenant):
    return Api(tenant)


@pytest.fixture
def other_api(db):
    return Api(create_tenant(slug="globex", name="Globex"))
