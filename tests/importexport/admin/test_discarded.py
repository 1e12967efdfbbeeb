"""A preview that somebody discards at the moment at which somebody else goes on with it."""

import psycopg
import pytest
from django.db import connections, transaction

from importexport.models import ImportRun
from importexport.runs import lifecycle
from tests.support.api import one_row
from tests.support.installation import url_of
from tests.support.waiting import Background, wait_until

GONE = "It may have been a preview that was discarded. It has not imported anything."
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def while_discarded(run, call):
    """Discard a run while a call waits for it; return what the call does."""

    def called():
        try:
            return call()
        finally:
            connections.close_all()

    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(url_of(name), autocommit=True) as aside:
        with transaction.atomic():
            lifecycle.discard(run)
            waiting = Background(called)
            wait_until(lambda: aside.execute(WAITING).fetchone()[0] or waiting.is_done, "the other one waits")
            assert not waiting.is_done
        return waiting.outcome()


@pytest.mark.parametrize(
    ("button", "form"),
    [
        ("confirm", {}),
        ("plan_again", {}),
        ("discard", {}),
        ("match", {"do": "plan"}),
        ("match", {"do": "entity:companies"}),
    ],
)
def test_who_goes_on_with_it_is_told_that_it_is_gone(editor, button, form):
    run = editor.check(one_row("contacts"))
    response = while_discarded(run, lambda: editor.post(f"importexport_importrun_{button}", run.pk, **form))
    assert response.status_code == 404
    assert GONE in response.content.decode()


def test_a_program_that_applies_it_gets_a_problem(editor, api):
    run = editor.check(one_row("contacts"))
    response = while_discarded(run, lambda: api.client.post(f"/api/v1/importexport/imports/{run.pk}/apply"))
    assert (response.status_code, response.json()["detail"]) == (404, "There is no such import.")


def test_a_program_that_cancels_it_gets_a_problem(editor, api):
    run = editor.check(one_row("contacts"))
    ImportRun.objects.filter(pk=run.pk).update(status="planning")
    response = while_discarded(run, lambda: api.client.post(f"/api/v1/importexport/imports/{run.pk}/cancel"))
    assert response.status_code == 409
    assert response.json()["detail"] == "Only what is waiting or in progress can be cancelled."
