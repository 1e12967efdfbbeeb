"""How much of an import has been undone, after any order of undos and undos of these."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from crm.models import Contact
from importexport.models import ImportRun

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,phone\n"
TWO = HEAD + "A,B,a@example.com,1\nA,B,b@example.com,1\n"


def brought(api, content, query=""):
    """Import a file; return the import's id."""
    assert api.post_file("contacts", content, query=query).status_code == 200
    return str(ImportRun.objects.first().pk)


def undone(run_id):
    """Return how many rows of a run have been undone, and whether all have."""
    run = ImportRun.objects.get(pk=run_id)
    return run.undone_rows, run.is_undone


def edit(email, phone):
    contact = Contact.objects.get(email=email)
    contact.phone = phone
    contact.save()


def test_the_undo_of_an_undo_brings_its_rows_back(api):
    run = brought(api, TWO)
    api.plan_undo(run)
    assert undone(run) == (0, False)
    undo = api.undo(run)["id"]
    assert (undone(run), undone(undo)) == ((2, True), (0, False))
    assert api.look(f"imports/{run}")["undoneRows"] == 2
    again = api.undo(undo)["id"]
    assert (undone(run), undone(undo)) == ((0, False), (2, True))
    api.undo(again)
    assert (undone(run), undone(undo), undone(again)) == ((2, True), (0, False), (2, True))


def test_the_undo_of_one_of_several_undos_brings_back_only_what_that_one_took(api):
    api.import_csv("contacts", TWO)
    run = brought(api, TWO.replace(",1", ",2"), "mode=upsert")
    edit("a@example.com", "3")
    api.undo(run)
    assert undone(run) == (1, False)
    edit("a@example.com", "2")
    second = api.undo(run)["id"]
    assert undone(run) == (2, True)
    api.undo(second)
    assert undone(run) == (1, False)


def test_rows_that_changed_nothing_need_not_be_undone(api):
    api.import_csv("contacts", HEAD + "A,B,a@example.com,1\n")
    run = brought(api, TWO, "mode=upsert")
    api.undo(run)
    assert undone(run) == (1, True)


def test_what_was_undone_before_this_was_counted_is_counted_by_the_migration(api):
    runs = {}
    for name in "abc":
        runs[name] = brought(api, TWO.replace("a@", f"{name}1@").replace("b@", f"{name}2@"))
    edit("b1@example.com", "2")
    undos = {name: api.undo(run)["id"] for name, run in runs.items()}
    api.undo(undos["c"])
    counted = {run: undone(run) for run in [*runs.values(), *undos.values()]}
    assert [counted[runs[name]] for name in "abc"] == [(2, True), (1, False), (0, False)]
    ImportRun.objects.update(undone_rows=0, is_undone=False)
    migration = import_module("importexport.migrations.0031_undone")
    migration.count_undone(None, SimpleNamespace(connection=connection))
    assert {run: undone(run) for run in counted} == counted
