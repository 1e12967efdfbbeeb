"""What the page of an import run shows, limited to what the user may see."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from crm.access import access_of
from crm.admin import formatting
from importexport.admin import labels, option_form, permissions, presenters, related_runs, warnings
from importexport.admin.fixing import made
from importexport.admin.fixing.fields import fields_of
from importexport.admin.fixing.groups import Offers
from importexport.admin.matching.told import in_words
from importexport.admin.preview import again
from importexport.admin.preview.changed import ChangedRows, changed_rows
from importexport.admin.preview.words import Effects
from importexport.admin.progress import progress
from importexport.engine.options import from_kept
from importexport.history.kept import rejected_kept
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle

Status, Channel = ImportRun.Status, ImportRun.Channel


def page_context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    """Return the context of a run's page."""
    access = access_of(request)
    context: dict[str, Any] = {
        "channel": labels.CHANNELS[Channel(run.channel)],
        "state": labels.state(run),
        "may_open": permissions.may_open(run, user=request.user, access=access),
        "may_decide": permissions.may_decide(run, request.user, access),
        "can_import": permissions.may_import(access),
        "size": "" if run.size is None else labels.size(run.size),
        "duration": labels.span(run.duration.total_seconds()) if run.duration else "",
        "created": formatting.exactly(run.created_at, run.tenant.zone),
        "related_runs": related_runs.related_runs(run),
        "undone": undone_context(run),
        "options": option_form.in_words(run.options, RESOURCES[run.entity]),
    }
    if run.is_at_work:
        return context | {"progress": progress(run)}
    if run.status == Status.MATCHING:
        return context
    context |= matching_context(run)
    if run.kind == ImportRun.Kind.UNDO and run.status != Status.FAILED:
        return context | undo_context(request, run, may_open=context["may_open"])
    if run.status == Status.FAILED:
        unknown = presenters.unknown_in_upload(run) if context["may_open"] else []
        return context | {"unknown": unknown} | again_context(run, context)
    context |= {
        "imported_records": labels.counted(run.entity, run.imported),
        "standing": run.standing_rows,
        "standing_records": labels.counted(run.entity, run.standing_rows),
        "rejected_rows": labels.rows(run.skipped - run.left_out),
        "rejected_count": run.skipped - run.left_out,
        "total_rows": labels.rows(run.total_rows),
        "repair_summary": related_runs.repair_summary(run) if context["related_runs"] else "",
        "may_update": from_kept(run.options).may_update,
        "effects": Effects.of(run) if from_kept(run.options).may_update else None,
        "counts": option_form.created_in_words(run.references),
        "kept_for": labels.span(settings.RALLY_PLAN_KEEP_HOURS * 3600) if run.channel == Channel.ADMIN else "",
        "left_out_count": len(warnings.left_out(run)),
        "share": 100 * run.imported / run.total_rows if run.total_rows else 0,
    }
    context |= again_context(run, context)
    return context | (content_context(request, run) if context["may_open"] and not run.purged_at else {})


def again_context(run: ImportRun, context: dict[str, Any]) -> dict[str, Any]:
    """Return what the page needs to plan the kept file again with other options, and the options for another file."""
    can_plan = context["may_decide"] and lifecycle.can_plan_again(run)
    return {
        "again_fields": again.option_fields(run) if can_plan else [],
        "option_query": again.query_of(run),
        "earlier": again.earlier(run) if run.status == Status.PLANNED and context["may_open"] else None,
    }


def undone_context(run: ImportRun) -> dict[str, Any] | None:
    """Return how much of a run has been undone, by which undo, when and by whom; None if nothing has."""
    if not run.undone_rows:
        return None
    undo = related_runs.undone_by(run)
    ended = undo and (undo.finished_at or undo.created_at)
    return {
        "undo": undo,
        "rows": labels.rows(run.undone_rows),
        "when": formatting.exactly(ended, run.tenant.zone) if ended else "",
        "who": undo.actor if undo else "",
    }


def matching_context(run: ImportRun) -> dict[str, Any]:
    """Return the context of how the columns were matched, which can be changed while nothing is stored."""
    return {
        "can_be_matched": lifecycle.can_be_matched(run),
        "read_as": in_words(run.reading, run.options),
    }


def undo_context(request: HttpRequest, run: ImportRun, *, may_open: bool) -> dict[str, Any]:
    """Return the context of an undo: the number of deleted and restored records, and the conflicts."""
    is_open = may_open and not run.purged_at
    return {
        "deleted": run.counts.get("delete", 0),
        "restored": run.counts.get("update", 0),
        "is_of_undo": run.parent is not None and run.parent.kind == ImportRun.Kind.UNDO,
        "undone_import": related_runs.undone_import(run),
        "brought_back": run.counts.get("create", 0),
        "is_open": is_open,
        "changed": changed_context(request, run) if is_open else None,
        "conflicts": presenters.conflicts(run) if is_open and run.skipped else [],
        "more_conflicts": run.skipped > presenters.ROWS_PER_PAGE,
    }


def changed_context(request: HttpRequest, run: ImportRun) -> ChangedRows | None:
    """Return the rows that change records, from the requested row number on, or None if there are none."""
    return changed_rows(run, request.GET.get("after")) if run.counts.get("update") else None


def content_context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    """Return the context of a file's content."""
    chosen = presenters.ErrorFilter.of(request.GET)
    offers = fixing_context(request, run)
    groups = presenters.groups(run, chosen, offer=offers.pop("offer"))
    left_out, doubtful = warnings.left_out(run), warnings.doubtful(run)
    return {
        "left_out": left_out[: warnings.NAMES],
        "more_left_out": len(left_out[warnings.NAMES :]),
        "doubtful": doubtful[: warnings.GROUPS],
        "more_doubtful": doubtful[warnings.GROUPS :],
        "header": presenters.header_found(run),
        "resembling": presenters.resembling(run),
        "sample": presenters.sample(run),
        "changed": changed_context(request, run),
        "groups": groups[: presenters.GROUPS],
        "more_groups": groups[presenters.GROUPS :],
        "is_more_chosen": any(group.is_chosen for group in groups[presenters.GROUPS :]),
        "codes": presenters.codes(run, chosen),
        "chosen": chosen,
        "kept_rows": labels.rows(kept) if (kept := rejected_kept(run)) < run.skipped else "",
        "rejected": presenters.rows_page(run, chosen, request.GET.get("page"), fields_of=offers.pop("fields_of"))
        if run.skipped
        else None,
        **offers,
    }


def fixing_context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    """Return what was changed about a file in its preview, and what can be changed by whom the page is for."""
    context: dict[str, Any] = {
        "offer": lambda *group: None,
        "fields_of": lambda rows: {},
        "made": made.changes_made(run, request.GET.get("changes")),
        "query": request.GET.urlencode(),
    }
    if run.status != Status.PLANNED or not permissions.may_decide(run, request.user, access_of(request)):
        return context
    return context | {
        "offer": Offers(run).of,
        "fields_of": partial(fields_of, run),
        "may_fix": True,
        "pending_words": made.pending_in_words(run),
        "is_too_much": run.skipped > presenters.ROWS_PER_PAGE,
    }
