"""imports/{id}/events: the progress of a run as it comes."""

import json
import time
from types import SimpleNamespace

import pytest

from importexport.api.views import events
from importexport.models import ImportRun
from tests.support.api import Api, problem
from tests.support.real import RealTenant, contacts
from tests.support.staff import add_run


@pytest.fixture
def api(tenant):
    return Api(tenant)


def meanwhile(monkeypatch, call):
    """Have something happen whenever the stream pauses; other threads sleep as ever."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: call())
    monkeypatch.setattr(events, "time", clock)


def parsed(body):
    """Return the events of a stream: their names, and their data."""
    blocks = [block.splitlines() for block in body.decode().split("\n\n") if block.startswith("event: ")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_a_run_that_has_ended_has_one_event(api, tenant):
    run = add_run(tenant, total_rows=3, imported=3)
    response = api.get(f"imports/{run.pk}/events")
    assert response["Content-Type"] == "text/event-stream"
    assert (response["Cache-Control"], response["X-Accel-Buffering"]) == ("no-store", "no")
    [(name, told)] = parsed(response.getvalue())
    assert (name, told) == ("end", api.look(f"imports/{run.pk}"))


def test_each_change_is_told_once_until_the_end(api, tenant, monkeypatch):
    run = add_run(tenant, status="planning", size=100)
    stages = iter([{"bytes_done": 50}, {}, {"status": "planned"}])
    meanwhile(monkeypatch, lambda: ImportRun.objects.filter(pk=run.pk).update(**{"rows_done": 7} | next(stages)))
    told = parsed(api.get(f"imports/{run.pk}/events").getvalue())
    assert [(name, run["rowsDone"], run["status"]) for name, run in told] == [
        ("progress", 0, "planning"), ("progress", 7, "planning"), ("end", 7, "planned"),
    ]  # fmt: skip


def test_a_run_that_is_discarded_meanwhile_ends_the_stream(api, tenant, monkeypatch):
    run = add_run(tenant, status="planning")
    meanwhile(monkeypatch, lambda: ImportRun.objects.all().delete())
    assert parsed(api.get(f"imports/{run.pk}/events").getvalue())[-1] == ("end", None)


def test_a_stream_ends_after_a_while_and_the_client_comes_again(api, tenant, monkeypatch):
    monkeypatch.setattr(events, "LONGEST", 0)
    run = add_run(tenant, status="planning")
    body = api.get(f"imports/{run.pk}/events").getvalue()
    assert body.startswith(b"retry: 1000\n\n")
    assert [name for name, _ in parsed(body)] == ["progress"]


@pytest.mark.django_db(transaction=True)
def test_a_tenant_has_two_streams_and_a_process_four(api, other_api, tenant, other_tenant):
    mine, theirs = add_run(tenant), add_run(other_tenant)
    open_streams = [api.get(f"imports/{mine.pk}/events") for _ in range(2)]
    refused = api.get(f"imports/{mine.pk}/events")
    assert problem(refused) == (
        503,
        "Too many clients are being told of imports at this moment. Look at the import instead.",
    )
    open_streams += [other_api.get(f"imports/{theirs.pk}/events") for _ in range(2)]
    for stream in open_streams:
        assert stream.status_code == 200
        stream.close()
    assert parsed(api.get(f"imports/{mine.pk}/events").getvalue())


def test_other_tenants_and_other_types_are_refused(api, other_api, tenant):
    run = add_run(tenant)
    assert other_api.get(f"imports/{run.pk}/events").status_code == 404
    assert api.get(f"imports/{run.pk}/events", Accept="text/csv").status_code == 406
    assert api.client.head(f"/api/v1/importexport/imports/{run.pk}/events").status_code == 200


def test_a_client_listens_while_a_worker_works(server):
    tenant = RealTenant(server)
    status, run = tenant.post("contacts", contacts(range(10)), headers={"Prefer": "respond-async"})
    assert status == 202
    told = parsed(tenant.ask("GET", f"imports/{run['id']}/events").body)
    assert told[-1][0] == "end"
    assert told[-1][1]["imported"] == 10
