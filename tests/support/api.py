"""An API client for tests."""

import csv
import io
import json
import uuid
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from crm.models.api_key import create_api_key
from importexport.resources import RESOURCES
from tests.support.openapi import CheckedClient

BASE = "/api/v1/importexport"


class Upload(SimpleUploadedFile):
    """An upload that counts as a file even if it is empty."""

    def __bool__(self):
        return True


class Api:
    """A client with an API key, based on Django's test client."""

    def __init__(self, tenant, *, scope="admin", **key_options):
        self.tenant = tenant
        name = f"test {uuid.uuid4().hex[:8]}"
        self.key, self.secret = create_api_key(tenant=tenant, name=name, scope=scope, **key_options)
        self.client = CheckedClient(headers={"X-Api-Key": self.secret}, raise_request_exception=False)

    def get(self, path, **headers):
        return self.client.get(f"{BASE}/{path}", headers=headers)

    def post_file(self, entity, content, *, name="file.csv", to="import", query="", **headers):
        data = content if isinstance(content, bytes) else content.encode()
        path = f"{BASE}/{entity}/{to}{query and '?'}{query}"
        return self.client.post(path, {"file": Upload(name, data)}, headers=headers)

    def post(self, path, **headers):
        return self.client.post(f"{BASE}/{path}", headers=headers)

    def plan(self, entity, content, query=""):
        """Plan a file; return the plan."""
        check_that_tables_are_emptied()
        response = self.post_file(entity, content, to="plan", query=query)
        assert response.status_code == 201, response.getvalue()
        return json.loads(response.content)

    def plan_undo(self, run_id):
        """Plan to undo a run; return the plan."""
        response = self.post(f"imports/{run_id}/undo")
        assert response.status_code == 201, response.content
        return json.loads(response.content)

    def undo(self, run_id):
        """Plan and apply an undo of a run; return the undo."""
        response = self.post(f"imports/{self.plan_undo(run_id)['id']}/apply")
        assert response.status_code == 200, response.content
        return json.loads(response.content)

    def look(self, path):
        """Return the JSON of a GET."""
        response = self.get(path)
        assert response.status_code == 200, response.getvalue()
        return json.loads(response.content)

    def import_csv(self, entity, content, query=""):
        response = self.post_file(entity, content, query=query)
        assert response.status_code == 200, response.getvalue()
        return json.loads(response.getvalue())

    def errors(self, entity, content):
        return self.import_csv(entity, content)["errors"]

    def failure(self, entity, content):
        """Import a file that fails; return the status and detail."""
        return problem(self.post_file(entity, content))

    def export(self, entity):
        response = self.get(f"{entity}/export")
        assert response.status_code == 200
        return response.getvalue().decode()

    def rows(self, entity):
        """Return the exported records as a list of dicts without blanks."""
        reader = csv.DictReader(io.StringIO(self.export(entity), newline=""))
        return [{name: cell for name, cell in row.items() if cell} for row in reader]


def problem(response):
    """Check the format of problem details; return the status and detail."""
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == response.status_code
    return response.status_code, body["detail"]


GOOD = {
    "contacts": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
    "companies": {"name": "Acme"},
    "deals": {"name": "Big one"},
    "activities": {"activity_type": "call", "subject": "First call"},
}


def one_row(entity, **cells):
    """Return a CSV file of a valid record with some cells replaced."""
    row = GOOD[entity] | cells
    assert set(row) <= set(RESOURCES[entity].column_names())
    quoted = ['"' + value.replace('"', '""') + '"' for value in row.values()]
    return ",".join(row) + "\r\n" + ",".join(quoted) + "\r\n"


def zipped(content):
    """Return a ZIP archive containing a file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("file.csv", content)
    return data.getvalue()


def check_that_tables_are_emptied():
    """Fail in a test that is rolled back: a plan's rows are written over another connection, and would stay."""
    assert not connection.in_atomic_block, "A test that plans needs django_db(transaction=True)."
