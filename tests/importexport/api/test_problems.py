"""Errors of our own: what the client learns, and what the log says."""

import json

from django.db import connection

from rally.logs import JsonFormatter
from tests.support.api import Api, problem


def test_a_bug_is_logged_with_its_request_and_says_nothing_of_itself(tenant, caplog):
    api = Api(tenant)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_contact RENAME TO elsewhere")
    answer = api.get("contacts/export")
    assert problem(answer) == (500, "Something went wrong on our side. Nothing was stored.")
    (record,) = [record for record in caplog.records if record.getMessage() == "Bug while handling a request"]
    line = json.loads(JsonFormatter().format(record))
    assert (line["method"], line["path"]) == ("GET", "/api/v1/importexport/contacts/export")
    assert line["tenant"] == tenant.slug
    assert "crm_contact" in line["exception"]
