"""Exports that a worker prepares, to be downloaded for a day, also in parts."""

import datetime as dt
import hashlib
import io
import json
import uuid

import openpyxl
import pytest
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone

from importexport.files import storage
from importexport.models import PreparedExport
from importexport.runs import exports, retention, worker
from importexport.runs.tasks import Interruption
from tests.support.api import Api, one_row, problem
from tests.support.real import RealTenant, contacts
from tests.support.waiting import Background, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def api(tenant):
    return Api(tenant)


def asked(api, path="contacts/export"):
    """Ask for an export; return its path below the API's."""
    response = api.get(path, **ASYNC)
    assert response.status_code == 202, response.content
    assert (response["Preference-Applied"], response["Retry-After"]) == ("respond-async", "2")
    export = json.loads(response.content)
    assert (export["status"], export["file"]) == ("waiting", None)
    assert response["Location"] == f"/api/v1/importexport/exports/{export['id']}"
    return f"exports/{export['id']}"


def prepared(api, path="contacts/export"):
    """Ask for an export, and have a worker make it."""
    export = asked(api, path)
    worker.work(until_empty=True)
    return export


def test_the_file_is_what_the_export_would_be(api):
    api.import_csv("contacts", one_row("contacts"))
    export = prepared(api)
    state, file = api.look(export), api.get(f"{export}/file")
    assert (state["status"], state["file"]) == ("ready", f"/api/v1/importexport/{export}/file")
    content = file.getvalue()
    assert content == api.get("contacts/export").getvalue()
    assert (state["size"], state["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    assert (file["ETag"], file["Accept-Ranges"]) == (f'"{state["sha256"]}"', "bytes")


def test_parameters_and_formats(api):
    api.import_csv("companies", "name,country\nAcme,DE\nGlobex,FR\n")
    export = prepared(api, "companies/export?columns=name&country=de&bom=true")
    assert api.get(f"{export}/file").getvalue() == "\ufeffname\r\nAcme\r\n".encode()
    book = api.get(f"{prepared(api, 'companies/export/excel?columns=name')}/file").getvalue()
    assert [row[0].value for row in openpyxl.load_workbook(io.BytesIO(book)).active] == ["name", "Acme", "Globex"]


def test_wrong_parameters_are_an_error_at_once(api):
    assert api.get("contacts/export?columns=shoe_size", **ASYNC).status_code == 400
    assert not PreparedExport.objects.exists()


def test_a_file_that_is_not_ready_is_409(api):
    response = api.get(f"{asked(api)}/file")
    assert problem(response) == (409, "The file is still being made.")
    assert response["Retry-After"] == "5"


def test_other_tenants_and_unknown_ids_are_404(api, other_api):
    export = prepared(api)
    for path in (export, f"{export}/file"):
        assert other_api.get(path).status_code == 404
    for name in (uuid.uuid4(), "nonsense"):
        assert problem(api.get(f"exports/{name}")) == (404, "There is no such export.")


@pytest.mark.parametrize(
    ("asked_for", "part", "told"),
    [
        ("bytes=0-9", slice(0, 10), "bytes 0-9/{size}"),
        ("bytes=10-", slice(10, None), "bytes 10-{last}/{size}"),
        ("bytes=-5", slice(-5, None), "bytes {last5}-{last}/{size}"),
        ("bytes=10-999999", slice(10, None), "bytes 10-{last}/{size}"),
    ],
)
def test_a_part_of_the_file(api, asked_for, part, told):
    export = prepared(api)
    whole = api.get(f"{export}/file").getvalue()
    response = api.get(f"{export}/file", Range=asked_for)
    size = len(whole)
    assert (response.status_code, response.getvalue()) == (206, whole[part])
    assert response["Content-Range"] == told.format(size=size, last=size - 1, last5=size - 5)
    assert int(response["Content-Length"]) == len(whole[part])


@pytest.mark.parametrize("asked_for", ["bytes=5-2", "bytes=0-1,4-5", "lines=0-1", "bytes=-", "nonsense"])
def test_a_range_that_means_nothing_gives_the_whole_file(api, asked_for):
    export = prepared(api)
    response = api.get(f"{export}/file", Range=asked_for)
    assert (response.status_code, len(response.getvalue())) == (200, api.look(export)["size"])


def test_a_range_after_the_end_is_416(api):
    export = prepared(api)
    size = api.look(export)["size"]
    response = api.get(f"{export}/file", Range=f"bytes={size}-")
    assert problem(response) == (416, f"The range begins after the end of the file, which has {size} bytes.")
    assert response["Content-Range"] == f"bytes */{size}"


def test_a_client_that_has_the_file_or_another_one(api):
    export = prepared(api)
    etag = api.get(f"{export}/file")["ETag"]
    assert api.get(f"{export}/file", **{"If-None-Match": etag}).status_code == 304
    assert api.get(f"{export}/file", Range="bytes=0-1", **{"If-Range": etag}).status_code == 206
    assert api.get(f"{export}/file", Range="bytes=0-1", **{"If-Range": '"other"'}).status_code == 200


def test_an_export_is_deleted_with_its_file_after_a_day(api):
    export = prepared(api)
    name = PreparedExport.objects.get().upload_name
    assert exports.purge_exports() == 0
    long_ago = timezone.now() - dt.timedelta(hours=25)
    PreparedExport.objects.update(created_at=long_ago, finished_at=long_ago)
    assert exports.purge_exports() == 1
    assert not storages[storage.ALIAS].exists(name)
    assert api.get(f"{export}/file").status_code == 404


def test_a_file_that_is_gone_is_404(api):
    export = prepared(api)
    storage.delete(PreparedExport.objects.get().upload_name)
    assert problem(api.get(f"{export}/file")) == (404, "The file of this export is gone. Ask for it again.")


def test_a_worker_that_has_to_stop_makes_the_file_later(api):
    export = asked(api)

    def stop():
        raise Interruption

    with pytest.raises(Interruption):
        exports.make(PreparedExport.objects.get().pk, stop)
    assert api.look(export)["status"] == "waiting"
    worker.work(until_empty=True)
    assert api.look(export)["status"] == "ready"


def test_a_bug_is_told_as_one(api, monkeypatch):
    export = asked(api)
    monkeypatch.setattr(exports, "pieces_of", lambda export: 1 / 0)
    worker.work(until_empty=True)
    state = api.look(export)
    assert (state["status"], state["error"]) == ("failed", "Something went wrong on our side. Nothing was stored.")
    assert problem(api.get(f"{export}/file"))[0] == 409


def test_a_download_from_a_server_goes_on_where_it_was_interrupted(server):
    tenant = RealTenant(server)
    tenant.post("contacts", contacts(range(10)))
    answer = tenant.ask("GET", "contacts/export", headers=ASYNC)
    export = f"exports/{json.loads(answer.body)['id']}"
    ready = wait_until(lambda: json.loads(tenant.ask("GET", export).body)["file"], "the export is ready")
    path = ready.removeprefix("/api/v1/importexport/")
    whole = tenant.ask("GET", path)
    rest = tenant.ask("GET", path, headers={"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
    assert (rest.status, rest.body) == (206, whole.body[100:])


def test_a_worker_that_was_taken_for_dead_leaves_the_file_of_the_other_one(api):
    api.import_csv("contacts", one_row("contacts"))
    export = asked(api)
    pk = PreparedExport.objects.get().pk

    def make_as_another():
        try:
            exports.make(pk, lambda: None)
        finally:
            connections.close_all()

    exports.make(pk, lambda: Background(make_as_another).outcome())
    state = api.look(export)
    content = api.get(f"{export}/file").getvalue()
    assert (state["status"], state["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert content == api.get("contacts/export").getvalue()
    (name,) = storage.listed(f"{PreparedExport.objects.get().tenant_id}/exports")[1]
    assert PreparedExport.objects.get().upload_name.endswith(name)


def test_what_a_killed_worker_has_left_of_a_file_is_purged_after_a_day(api, tenant, monkeypatch):
    prepared(api)
    left = exports.new_name(PreparedExport.objects.get())
    storage.write(left, [b"first_name,la"])
    assert retention.purge_orphans(tenant) == 0
    monkeypatch.setattr(retention, "ORPHANED", retention.ORPHANED * -1)
    assert retention.purge_orphans(tenant) == 1
    assert not storages[storage.ALIAS].exists(left)
    assert storages[storage.ALIAS].exists(PreparedExport.objects.get().upload_name)
