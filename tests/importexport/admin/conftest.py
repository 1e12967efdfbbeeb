"""Staff with each role, in two tenants."""

import pytest

from tests.support.staff import Staff


@pytest.fixture
def editor(transactional_db, tenant):
    return Staff(tenant, "editor")


@pytest.fixture
def viewer(transactional_db, tenant):
    return Staff(tenant, "viewer")


@pytest.fixture
def admin_of_tenant(transactional_db, tenant):
    return Staff(tenant, "admin")


@pytest.fixture
def root(transactional_db, tenant):
    return Staff(tenant)


@pytest.fixture
def stranger(transactional_db, other_tenant):
    return Staff(other_tenant, "admin")
