"""Pages show and accept times in the tenant's time zone."""

import datetime as dt

import pytest

from crm.models import Activity
from crm.models.tenant import create_tenant
from tests.support.staff import sign_in


@pytest.fixture
def tenant(client, db):
    tenant = create_tenant(slug="acme", name="Acme Inc", timezone="Asia/Tokyo")
    sign_in(tenant, "editor", client=client)
    return tenant


def test_times_are_shown_and_accepted_in_the_tenants_time_zone(tenant, client):
    at = dt.datetime(2026, 3, 1, 22, 30, tzinfo=dt.UTC)
    activity = Activity.objects.create(tenant=tenant, activity_type="call", subject="Call", scheduled_at=at)
    address = f"/admin/crm/activity/{activity.pk}/change/"
    page = client.get(address).content.decode()
    assert 'value="2026-03-02"' in page
    assert 'value="07:30:00"' in page
    data = {
        "subject": "Call", "activity_type": "call", "status": "pending", "priority": "normal",
        "scheduled_at_0": "2026-03-02", "scheduled_at_1": "08:00",
    }  # fmt: skip
    assert client.post(address, data).status_code == 302
    activity.refresh_from_db()
    assert activity.scheduled_at == at + dt.timedelta(minutes=30)


def test_pages_are_compressed_for_browsers_that_accept_it(tenant, client):
    plain = client.get("/admin/crm/contact/")
    packed = client.get("/admin/crm/contact/", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) * 3 < len(plain.content)
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_what_is_downloaded_from_a_page_is_not_compressed_twice(tenant, client):
    export = {"rows": "all", "format": "xlsx", "columns": ["first_name"]}
    download = client.get("/admin/crm/contact/export/file/", export, headers={"Accept-Encoding": "gzip"})
    assert download.status_code == 200
    assert "Content-Encoding" not in download.headers
    assert b"".join(download).startswith(b"PK")
