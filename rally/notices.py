"""Notices in the admin: what a user has started and left has ended."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from crm.access import access_of
from importexport.models import ImportRun
from importexport.runs import told

Kind, Status = ImportRun.Kind, ImportRun.Status
#: The class of a link in a message, which has the message's colour.
LINK = "rally-notice"


def tell_what_has_ended(request: HttpRequest) -> None:
    """Tell the user of a page what has ended that they have started, once; one query if there is nothing."""
    access = access_of(request)
    user_id = request.user.pk
    if request.method != "GET" or user_id is None or not access.can_view:
        return
    runs = told.untold(user_id=user_id, tenant=access.tenant)
    for run in runs[: told.AT_ONCE]:
        level = messages.ERROR if run.status == Status.FAILED else messages.SUCCESS
        messages.add_message(request, level, _notice(run))
    if more := runs[told.AT_ONCE :]:
        messages.info(request, _("%(count)s more have ended: see Imports.") % {"count": len(more)})


def _notice(run: ImportRun) -> Any:
    address = reverse("admin:importexport_importrun_change", args=[run.pk])
    return format_html('{} <a class="{}" href="{}">{}</a>', _sentence(run), LINK, address, _("Look at it"))


def _sentence(run: ImportRun) -> str:
    """Return what has become of a run."""
    texts = OF_UNDOS if run.kind == Kind.UNDO else OF_IMPORTS
    return texts[Status(run.status)]() % {"file": run.file_name or _("The file")}


OF_IMPORTS = {
    Status.PLANNED: lambda: _("The preview of “%(file)s” is ready."),
    Status.DONE: lambda: _("“%(file)s” was imported."),
    Status.FAILED: lambda: _("“%(file)s” was not imported."),
}
OF_UNDOS = {
    Status.PLANNED: lambda: _("The undo of “%(file)s” can be confirmed."),
    Status.DONE: lambda: _("“%(file)s” was undone."),
    Status.FAILED: lambda: _("“%(file)s” was not undone."),
}
