"""The addresses at which a preview is changed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.access import access_of
from importexport.admin import labels, permissions, presenters
from importexport.admin.fixing.fields import fields_of
from importexport.admin.fixing.made import pending_in_words
from importexport.models import ImportRun
from importexport.runs.fixes import checking, keeping, making
from importexport.runs.fixes.making import Checked, ErrorGroup

CHANGE, ROW = "admin:importexport_importrun_change", "admin:importexport_importrun_row"
#: What the page of a run may be asked for.
ASKED = ("code", "column", "sentence", "page", "changes")


class FixingMixin:
    """The pages of import runs on which files are changed."""

    admin_site: Any
    get_run: Callable[..., ImportRun]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses."""
        fix, row = self.admin_site.admin_view(self.fix_view), self.admin_site.admin_view(self.row_view)
        own = [
            path("<uuid:run_id>/fix/", fix, name="importexport_importrun_fix"),
            path("<uuid:run_id>/row/<int:number>/", row, name="importexport_importrun_row"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def fix_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        """Change something about a file, or take it back; answer with JSON or the page from which it was asked for."""
        if request.method != "POST":
            messages.warning(request, _("The last change was not saved. Please make it again."))
            return redirect(CHANGE, run_id)
        is_json = request.headers.get("Accept") == "application/json"
        try:
            run = self._plan(request, run_id)
        except Http404:
            if is_json:
                return JsonResponse({"sentence": keeping.GONE}, status=404)
            messages.error(request, keeping.GONE)
            return redirect("admin:importexport_importrun_changelist")
        try:
            done = WAYS.get(request.POST.get("what", ""), nothing)(run, request.POST, request.user.get_username())
        except keeping.NotFixed as why:
            if is_json:
                return JsonResponse({"sentence": str(why)}, status=409)
            messages.error(request, str(why))
            return redirect(back_to(run, request.POST))
        if is_json:
            return JsonResponse({**done, "pending": run.fixes_pending, "words": pending_in_words(run)})
        tell = messages.success if done["ok"] else messages.warning
        tell(request, done["sentence"])
        return redirect(back_to(run, request.POST))

    @method_decorator(require_safe)
    def row_view(self, request: HttpRequest, run_id: UUID, number: int) -> HttpResponse:
        """Show all cells of a rejected row, to be changed."""
        run = self._plan(request, run_id)
        try:
            keeping.check_plan(run)
            row = checking.row_of(run, number)
        except keeping.NotFixed as why:
            messages.info(request, str(why))
            return redirect(CHANGE, run.pk)
        fields = fields_of(run, [row], only_wrong=False)[row.pk]
        context = {
            "run": run,
            "number": number,
            "fields": list(fields.values()),
            "sentences": presenters.sentences_of(run, row),
            "title": _("Row %(number)s") % {"number": labels.grouped(number)},
            "back": clean_query(request.GET.get("back", "")),
            "pending_words": pending_in_words(run),
        }
        template = "importexport/admin/run/row.html"
        return render(request, template, self.admin_site.each_context(request) | context)

    def _plan(self, request: HttpRequest, run_id: UUID) -> ImportRun:
        """Return a run that the user may change; raise Http404 if it is not there, and PermissionDenied."""
        run = self.get_run(request, run_id)
        if not permissions.may_decide(run, request.user, access_of(request)) or run.purged_at:
            raise PermissionDenied
        return run


# --- what is asked for ----------------------------------------------------------------------------------------

Done = dict[str, Any]


def cell(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Change a cell."""
    number, column = number_in(asked), asked.get("column", "")
    checked = making.change_cell(run, number, column, asked.get("text", ""), by=by, seen=asked.get("seen", ""))
    wrong = checked.sentence(column)
    return {
        "ok": checked.is_checked and not checked.wrong,
        "is_wrong": bool(wrong),
        "sentence": sentence_of(checked, number, column),
        "seen": keeping.version_of(checked.fix),
    }


def sentence_of(checked: Checked, number: int, column: str) -> str:
    """Return what is said about a changed cell."""
    if not checked.is_checked:
        return _("Saved. Another import is in progress, so this will be checked together with the file.")
    if wrong := checked.sentence(column):
        return wrong
    if checked.wrong:
        return _("This cell is fine now. Still wrong in row %(number)s: %(wrong)s") % {
            "number": labels.grouped(number),
            "wrong": checked.in_one,
        }
    return _("Row %(number)s is fine now.") % {"number": labels.grouped(number)}


def cells(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Change several cells of a row: those whose text differs from the one that the page had."""
    number = number_in(asked)
    done: Done = {"ok": True, "sentence": _("Nothing was changed.")}
    row = checking.row_of(run, number)
    for column, field in fields_of(run, [row], only_wrong=False)[row.pk].items():
        text = asked.get(f"text-{column}")
        if text is None or text.replace("\r\n", "\n") == field.text.replace("\r\n", "\n"):
            continue
        checked = making.change_cell(run, number, column, text, by=by, seen=asked.get(f"seen-{column}", ""))
        done = {"ok": checked.is_checked and not checked.wrong, "sentence": sentence_of(checked, number, column)}
        if checked.wrong:
            done["sentence"] = _("Saved. Still wrong in row %(number)s: %(wrong)s") % {
                "number": labels.grouped(number),
                "wrong": checked.in_one,
            }
    return done


def value(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Replace a value in all rows of a group."""
    kept = making.replace_value(run, group_in(asked), asked.get("text", ""), by=by)
    return outcome(kept.error, _("%(rows)s will be changed.") % {"rows": labels.rows(kept.rows or 0)})


def blank(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Leave the cells of a group empty."""
    kept = making.leave_blank(run, group_in(asked), by=by)
    return outcome("", _("The cells of %(rows)s will be left empty.") % {"rows": labels.rows(kept.rows or 0)})


def create(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Have a company created."""
    kept = making.create_named(run, group_in(asked), by=by)
    return outcome(kept.error, _("The company “%(name)s” will be created.") % {"name": presenters.shown(kept.new)})


def skip_rows(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Leave the rows of a group out."""
    kept = making.skip_rows(run, group_in(asked), by=by)
    return outcome("", _("%(rows)s will be left out.") % {"rows": labels.rows(kept.rows or 0)})


def skip_row(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Leave a row out."""
    number = number_in(asked)
    making.skip_row(run, number, by=by)
    return outcome("", _("Row %(number)s will be left out.") % {"number": labels.grouped(number)})


def revoke(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Take a change back."""
    keeping.revoke(run, number_in(asked, "change"))
    return outcome("", _("The change was taken back."))


def nothing(run: ImportRun, asked: QueryDict, by: str) -> Done:
    """Refuse what no page asks for."""
    raise keeping.NotFixed(_("The change is incomplete. Please make it again."))


def outcome(error: str, sentence: str) -> Done:
    """Return what is said about a change, and about what is wrong with it all the same."""
    if not error:
        return {"ok": True, "sentence": sentence}
    told = presenters.shown(error, limit=300)
    return {"ok": False, "sentence": _("Saved, but it is still wrong: %(error)s") % {"error": told}}


WAYS: dict[str, Callable[[ImportRun, QueryDict, str], Done]] = {
    "cell": cell,
    "cells": cells,
    "value": value,
    "blank": blank,
    "create": create,
    "skip_rows": skip_rows,
    "skip_row": skip_row,
    "revoke": revoke,
}


def number_in(asked: QueryDict, name: str = "number") -> int:
    """Return a number of a form; raise NotFixed for anything else."""
    text = str(asked.get(name, ""))
    if not is_number(text):
        raise keeping.NotFixed(_("The change is incomplete. Please make it again."))
    return int(text)


def is_number(text: str) -> bool:
    """Whether a text is the number of a row, or of a change."""
    return text.isascii() and text.isdecimal() and len(text) <= presenters.NUMBER


def group_in(asked: QueryDict) -> ErrorGroup:
    """Return the group of errors that a form is about."""
    return ErrorGroup(asked.get("code", ""), asked.get("column", ""), asked.get("sentence", ""))


def back_to(run: ImportRun, asked: QueryDict) -> str:
    """Return the address of the page from which a change was asked for, at the place of the change."""
    number = str(asked.get("number", ""))
    if asked.get("from") == "row" and is_number(number):
        return reverse(ROW, args=[run.pk, int(number)])
    query = clean_query(asked.get("back", ""))
    anchor = asked.get("at", "")
    anchor = f"#{anchor}" if anchor.replace("-", "").isalnum() and anchor.isascii() else ""
    return reverse(CHANGE, args=[run.pk]) + (f"?{query}" if query else "") + anchor


def clean_query(query: str) -> str:
    """Return a query of the page of a run, without anything else."""
    given = QueryDict(query[:4_000])
    return urlencode({name: given[name] for name in ASKED if name in given})
