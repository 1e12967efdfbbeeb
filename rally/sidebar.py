"""The admin's sidebar and logo, as configured for Unfold."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Groups of (title, icon, model) in display order.
GROUPS: dict[Promise, list[tuple[Promise, str, str]]] = {
    _("Records"): [
        (_("Contacts"), "person", "crm.contact"),
        (_("Companies"), "apartment", "crm.company"),
        (_("Deals"), "handshake", "crm.deal"),
        (_("Activities"), "event_note", "crm.activity"),
    ],
    _("Pipeline"): [
        (_("Pipelines"), "conversion_path", "crm.pipeline"),
        (_("Stages"), "stairs", "crm.stage"),
    ],
    _("Data"): [
        (_("Imports"), "upload_file", "importexport.importrun"),
        (_("Schedules"), "schedule", "importexport.schedule"),
        (_("API keys"), "key", "crm.apikey"),
        (_("Webhooks"), "webhook", "importexport.webhook"),
    ],
    _("People"): [
        (_("Members"), "group", "crm.membership"),
        (_("Users"), "manage_accounts", "auth.user"),
        (_("Accounts"), "domain", "crm.tenant"),
    ],
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar entries for the models that the user may see."""
    groups: list[dict[str, Any]] = [{"items": [_item(_("Dashboard"), "dashboard", "admin:index")]}]
    for title, entries in GROUPS.items():
        items = [
            _item(name, icon, f"admin:{model.replace('.', '_')}_changelist")
            for name, icon, model in entries
            if may_view(request, apps.get_model(model))
        ]
        groups.append({"title": title, "items": items})
    return groups


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Whether a model is registered with the admin and the user may see it."""
    return admin.site.is_registered(model) and admin.site.get_model_admin(model).has_view_permission(request)


def _item(title: Promise, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(view)}


def logo(request: HttpRequest) -> str:
    """Return the URL of the logo, which is also the favicon."""
    return static("rally/logo.svg")
