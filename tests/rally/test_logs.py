"""Refused requests are told in one line each, as warnings."""

import json
import logging

import pytest

from rally.logs import JsonFormatter
from tests.support.staff import sign_in


class Lines(logging.Handler):
    """What the root logger writes; caplog also has what is kept from it."""

    def __init__(self):
        super().__init__()
        self.written = []

    def emit(self, record):
        if record.name != "rally.request":
            self.written.append(json.loads(JsonFormatter().format(record)))


@pytest.fixture
def refusals(tenant, monkeypatch):
    """A function that sends a request which is refused, and returns the lines of the log apart from the request's."""
    client, lines = sign_in(tenant, "admin"), Lines()
    monkeypatch.setattr(logging.getLogger(), "handlers", [lines])

    def refuse(method, query="", data=None):
        assert getattr(client, method)(f"/admin/crm/contact/{query}", data).status_code == 400
        return lines.written

    return refuse


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?city__regex=a", "DisallowedModelAdminLookup: Filtering by city__regex not allowed"),
        ("?_to_field=email", "DisallowedModelAdminToField: The field email cannot be referenced."),
        ("?nobody=1&e=1", "InvalidQuery: The query string of this list is invalid."),
    ],
)
def test_a_refused_look_up_is_a_warning_without_a_traceback(refusals, query, message):
    (line,) = refusals("get", query)
    assert line.keys() == {"time", "level", "logger", "request_id", "message", "method", "path", "status"}
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "rally.refused", message)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/admin/crm/contact/", 400)


def test_a_form_with_too_many_fields_is_a_warning(refusals):
    (line,) = refusals("post", data={"action": "delete_selected", "_selected_action": range(8000)})
    assert (line["level"], line["message"][:19], "exception" in line) == ("WARNING", "TooManyFieldsSent: ", False)
