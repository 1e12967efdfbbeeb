"""The views of the Match step."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.access import access_of
from importexport import mappings
from importexport.admin import labels, permissions, presenters
from importexport.admin.matching.answers import Answers, no_such_answer, read_answers, version_of
from importexport.admin.matching.first_look import UNKNOWN, names_in_use, unknown_values, with_mapping
from importexport.admin.matching.page import is_taken, page_content, proposed_with_what_is_there
from importexport.engine.options import OptionError, Options, from_kept
from importexport.engine.proposal import Proposal
from importexport.engine.resource import EntityResource
from importexport.errors import FileError, StorageUnavailable
from importexport.models import ImportRun, SavedMapping
from importexport.resources import RESOURCES
from importexport.runs import lifecycle
from importexport.runs.queue import TooManyWaiting
from importexport.sources.reading import OURS
from importexport.sources.wishes import LIMIT

TEMPLATE = "importexport/admin/match.html"
CHANGE = "admin:importexport_importrun_change"
#: What the buttons of the page do, besides planning.
LOOK, USE, ENTITY, PLAIN, OTHER_SHEET, OVER = "look", "use", "entity:", "plain", "sheet", "over"
#: The options that the answers on the page are.
ASKED = ("mapping", "values", "formats", "dates", "decimal", "encoding", "sheet")
#: Sentences about what stands in the way.
ONLY = gettext_lazy(
    "Only %(who)s, who uploaded this file, and the administrators of the account can match its columns."
)
DELETED = gettext_lazy(
    "The saved matching “%(name)s” no longer exists: somebody has deleted it. Your answers were kept."
)
MEANWHILE = gettext_lazy(
    "Somebody else has changed the matching of this file in the meantime. These are your answers: continue to use them."
)


class MatchViews:
    """The Match page of a run. Use with the admin of runs, which finds the run."""

    get_run: Callable[..., ImportRun]
    admin_site: Any

    def match_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Show what the columns of a file are taken for, and have it planned with the answers."""
        run = self.get_run(request, run_id)
        if not permissions.may_decide(run, request.user, access_of(request)):
            messages.error(request, ONLY % {"who": run.actor})
            return redirect(CHANGE, run.pk)
        if not lifecycle.can_be_matched(run):
            messages.info(request, not_now(run))
            return redirect(CHANGE, run.pk)
        return Step(self, request, run).answer()


def not_now(run: ImportRun) -> str:
    """Return why the columns of a file cannot be matched (any more)."""
    if run.status == ImportRun.Status.PLANNING:
        return _("This file is already being checked. Once its preview is ready, you can change the matching.")
    return _("The columns of this file can no longer be matched. This is its result.")


class Step:
    """One request of the page."""

    def __init__(self, admin: MatchViews, request: HttpRequest, run: ImportRun) -> None:
        self._admin, self._request, self._run = admin, request, run
        self._resource = self._resource_of(from_kept(run.options))
        self._says: list[str] = []
        #: The name that is asked for, as it was typed, and whether it is to replace another.
        self._save_as, self._may_replace = request.POST.get("save_as", "").strip(), False

    def _resource_of(self, options: Options) -> EntityResource:
        return RESOURCES[self._run.entity](self._run.tenant, options=options)

    def answer(self) -> HttpResponse:
        """Return the response."""
        if self._request.method != "POST":
            return self._show(self._resource.options)
        do = self._request.POST.get("do", "")
        try:
            answers = read_answers(self._request.POST, self._resource.options, self._resource)
            if do.startswith(ENTITY):
                return self._as_entity(do.removeprefix(ENTITY))
            if do in (LOOK, USE, PLAIN, OTHER_SHEET, OVER):
                return self._show(self._changed(answers.options, do))
        except OptionError as error:
            self._says.append(str(error))
            return self._show(self._resource.options)
        return self._plan(answers)

    def _changed(self, options: Options, do: str) -> Options:
        """Return the options with what a button changes."""
        if do == USE:
            return self._with_saved(options)
        if do == PLAIN:
            return replace(options, source=OURS, mapping=options.mapping or {}, formats="detect")
        if do == OVER:
            plain = Options()
            return replace(options, source=UNKNOWN, **{name: getattr(plain, name) for name in ASKED})
        return replace(options, sheet="", mapping=None, values=None) if do == OTHER_SHEET else options

    def _with_saved(self, options: Options) -> Options:
        name = self._request.POST.get("saved", "")
        try:
            saved = mappings.find_mapping(name, tenant=self._run.tenant, entity=self._run.entity)
        except mappings.UnknownMapping:
            self._says.append(DELETED % {"name": presenters.shown(name)})
            return options
        used = with_mapping(options, saved, self._resource)
        if used is None:
            text = _("The saved matching “%(name)s” contains a column that no longer exists, so it cannot be used.")
            self._says.append(text % {"name": saved.name})
        return used or options

    def _as_entity(self, entity: str) -> HttpResponse:
        """Take the file for one of another entity, with the options that every entity has."""
        if entity not in RESOURCES:
            raise no_such_answer()
        said = self._resource.options
        options = Options(mode=said.mode, blank=said.blank, clear_marker=said.clear_marker, source="auto")
        resource = RESOURCES[entity](self._run.tenant, options=options)
        try:
            lifecycle.match_again(self._run, resource.options, entity=entity)
        except lifecycle.NotPlanned:
            return self._too_late()
        return redirect("admin:importexport_importrun_match", self._run.pk)

    def _plan(self, answers: Answers) -> HttpResponse:
        """Plan the file if all is answered, else show what is not."""
        try:
            with self._run.open_upload() as file:
                resource = self._resource_of(answers.options)
                proposal, options = proposed_with_what_is_there(file, resource, answers.options)
        except (FileError, StorageUnavailable) as error:
            return self._failed(error)
        if answers.is_of_another_reading or options != answers.options:
            self._says.append(_("The file was read again with your answer. Check the columns and continue."))
        elif self._request.POST.get("version", version_of(self._run)) != version_of(self._run):
            self._says.append(str(MEANWHILE))
        elif proposal.questions:
            self._says.append(_("Some questions are still open. They are marked below."))
        elif self._has_new_values(proposal, options):
            self._says.append(_("A column has unknown values. Say what they mean, or continue without them."))
        else:
            self._save(options)
        if self._says:
            return self._page(page_content(self._run, proposal, options, self._resource_of(options)))
        return self._go_on(options)

    def _has_new_values(self, proposal: Proposal, options: Options) -> bool:
        """Whether a column has unknown values that the page did not show, because it was something else then."""
        if "groups" not in self._request.POST:
            return False
        shown, names = self._request.POST["groups"].split(), names_in_use(self._run.tenant)
        return any(unknown_values(one, options, names) for one in proposal.values if one.column not in shown)

    def _save(self, options: Options) -> None:
        """Save the matching if a name is given, which may be refused."""
        if not self._save_as:
            return
        name = mappings.nearest_name(self._save_as)
        if not name:
            self._says.append(_("A matching needs a name with at least one letter from a to z, or a digit."))
        elif is_taken(name, self._run) and not self._request.POST.get("replace"):
            self._may_replace = True
            text = _("A matching called “%(name)s” already exists. Choose another name, or replace it.")
            self._says.append(text % {"name": name})
        else:
            self._save_under(name, options)

    def _save_under(self, name: str, options: Options) -> None:
        body = {one: value for one in mappings.SAVED if (value := getattr(options, one)) or value == {}}
        try:
            mappings.save_mapping(name, body, tenant=self._run.tenant, spec=self._resource.spec)
        except OptionError as error:
            is_long = len(str(body)) > LIMIT
            self._says.append(_("This file has too many columns and values to be saved.") if is_long else str(error))

    def _go_on(self, options: Options) -> HttpResponse:
        if self._save_as:
            options = replace(options, saved_mapping=mappings.nearest_name(self._save_as))
        else:
            options = replace(options, saved_mapping=self._used(options))
        try:
            lifecycle.plan_matched(self._run, options)
        except lifecycle.NotPlanned:
            return self._too_late()
        except TooManyWaiting as error:
            messages.error(self._request, str(error))
            return redirect("admin:importexport_importrun_match", self._run.pk)
        if self._save_as:
            messages.success(
                self._request, _("The matching was saved as “%(name)s”.") % {"name": options.saved_mapping}
            )
        return redirect(CHANGE, self._run.pk)

    def _used(self, options: Options) -> str:
        """Return the name of the saved mapping that was used and still says how the file is read, or ""."""
        names = [self._request.POST.get("used", ""), self._resource.options.saved_mapping]
        for saved in SavedMapping.objects.filter(tenant=self._run.tenant, entity=self._run.entity, name__in=names):
            used = with_mapping(options, saved, self._resource)
            if used and replace(used, saved_mapping="") == replace(options, saved_mapping=""):
                return saved.name
        return ""

    def _too_late(self) -> HttpResponse:
        self._run.refresh_from_db()
        messages.info(self._request, not_now(self._run))
        return redirect(CHANGE, self._run.pk)

    def _show(self, options: Options) -> HttpResponse:
        try:
            with self._run.open_upload() as file:
                proposal, options = proposed_with_what_is_there(file, self._resource_of(options), options)
        except (FileError, StorageUnavailable) as error:
            return self._failed(error)
        return self._page(page_content(self._run, proposal, options, self._resource_of(options)))

    def _failed(self, error: Exception) -> HttpResponse:
        """Show why the file cannot be read as it was answered, with a way back."""
        return self._page({"failure": str(error), "version": version_of(self._run)})

    def _page(self, content: dict[str, Any]) -> HttpResponse:
        run = self._run
        context = self._admin.admin_site.each_context(self._request) | {
            "run": run,
            "step": 2,
            "model_admin": self._admin,
            "title": presenters.shown(run.file_name, limit=60) or _("no name"),
            "entity_opts": self._resource._meta.model._meta,
            "entity_name": labels.ENTITIES[run.entity],
            "says": self._says,
            "save_as": self._save_as,
            "may_replace": self._may_replace,
        }
        return render(self._request, TEMPLATE, context | content)
