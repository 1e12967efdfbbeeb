"""Planning a kept file again: the options that the preview offers, and an earlier import of the same file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.admin import formatting
from crm.statistics import count_records
from importexport.admin import labels, option_form
from importexport.engine.options import OF_UPDATES, Options, from_kept
from importexport.history.repairs import earlier_import
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import records

#: Options that the form for a new file does not offer: only the preview shows what they are about.
ONLY_HERE = ("incomplete", "invalid")


def option_fields(run: ImportRun) -> list[option_form.OptionField]:
    """Return the options that can be changed in the preview of a run, as they are."""
    fields = option_form.option_fields(RESOURCES[run.entity], run.options, also=ONLY_HERE)
    return [field for field in fields if field.name != "sheet" or field.text or not is_text_file(run)]


def is_text_file(run: ImportRun) -> bool:
    """Whether a file is a text, which has no sheets, by its name."""
    return run.file_name.lower().endswith((".csv", ".tsv", ".txt"))


def read_choice(run: ImportRun, given: Mapping[str, str]) -> Options:
    """Return the options of a run with those that the form has changed; raise OptionError for invalid values.

    All others stay: how the file of another program is read is not chosen here.
    """
    chosen = option_form.read_choice(given, RESOURCES[run.entity])
    named = {field.name for field in option_fields(run)} | set(OF_UPDATES)
    return replace(
        from_kept(run.options),
        matches_by_default=chosen.matches_by_default,
        **{name: getattr(chosen, name) for name in named},
    )


def updating(run: ImportRun) -> Options:
    """Return the options of a run that adds records, so that it updates those that are there already as well."""
    given = {name: value for name, value in run.options.items() if name in option_form.TITLES}
    return read_choice(run, given | {"mode": "upsert"})


def query_of(run: ImportRun) -> str:
    """Return a query string with the options of a run, for the form for another file."""
    plain = Options().kept()
    given = {name: value for name, value in run.options.items() if name in option_form.TITLES and name != "sheet"}
    return urlencode({name: value for name, value in given.items() if value != plain.get(name)})


class Earlier(NamedTuple):
    """An earlier import of the same file, and what is left of it, in sentences."""

    run: ImportRun
    text: str
    left: str
    can_update: bool


def earlier(run: ImportRun) -> Earlier | None:
    """Return the latest import of the same file, unless it was undone; None if there is none."""
    found = earlier_import(run)
    if found is None:
        return None
    who = found.actor or _("somebody")
    text = _("This file was imported %(when)s by %(who)s.") % {"when": _when(found), "who": who}
    can_update = run.options.get("mode", "create") == "create" and run.skipped > 0
    return Earlier(found, text, _left(found), can_update)


def _when(run: ImportRun) -> str:
    ended = (run.finished_at or run.created_at).astimezone(run.tenant.zone)
    if ended.date() == timezone.now().astimezone(run.tenant.zone).date():
        return _("today at %(time)s") % {"time": formatting.clock(ended, run.tenant.zone)}
    return _("on %(day)s") % {"day": formatting.exactly(ended, run.tenant.zone)}


def _left(run: ImportRun) -> str:
    """Return how many of an import's records are there."""
    total = run.standing_rows
    if not total:
        return ""
    count = count_records(records.stored_records(run))
    there = total if not count.is_exact else min(count.number, total)
    text = ngettext(
        "%(there)s of its %(records)s is there already.", "%(there)s of its %(records)s are there already.", there
    )
    return text % {"there": labels.grouped(there), "records": labels.counted(run.entity, total)}


class Meanwhile(Exception):
    """A preview is not what the user has seen any more."""


def meanwhile(run: ImportRun) -> Any:
    """Return why a run cannot be decided on any more, for somebody who has had its preview open for a while."""
    return MEANWHILE[ImportRun.Status(run.status)]


MEANWHILE = {
    ImportRun.Status.MATCHING: gettext_lazy(
        "Somebody is matching the columns of this file again. Nothing is stored; a new preview follows."
    ),
    ImportRun.Status.PLANNING: gettext_lazy(
        "The file is being checked again, because somebody has changed the options. Look at the new preview first."
    ),
    ImportRun.Status.PLANNED: gettext_lazy(
        "This preview has changed since you opened it, because somebody has changed the options. Check it again first."
    ),
    ImportRun.Status.APPLYING: gettext_lazy("Somebody has already confirmed this. It is in progress."),
    ImportRun.Status.RUNNING: gettext_lazy("This is already being imported."),
    ImportRun.Status.DONE: gettext_lazy("This is no longer waiting for confirmation. This is its result."),
    ImportRun.Status.FAILED: gettext_lazy("This is no longer waiting for confirmation: it has failed."),
}
