"""Log a call, Add task, Add deal: from a record's page to a form that is filled in, and back to the record."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin import site
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.access import access_of
from crm.models import Activity, Company, Contact, Deal, Stage

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin
else:
    ModelAdmin = object

#: Query parameters of the form: which shortcut was chosen, and the record it was chosen on, such as ``contact.12``.
CHOSEN, ORIGIN = "shortcut", "of"
#: The records that have shortcuts, by the first part of ORIGIN.
MODELS: dict[str, type[models.Model]] = {"contact": Contact, "company": Company, "deal": Deal}
#: The maximum length of a record's name in a subject.
NAME_LENGTH = 100


@dataclass(frozen=True)
class Shortcut:
    """A button: its label and icon, and the model of what it adds."""

    label: Any
    icon: str
    model: type[models.Model]


SHORTCUTS = {
    "call": Shortcut(gettext_lazy("Log a call"), "call", Activity),
    "task": Shortcut(gettext_lazy("Add task"), "add_task", Activity),
    "deal": Shortcut(gettext_lazy("Add deal"), "sell", Deal),
}


class ShortcutsMixin(ModelAdmin):
    """Adds the buttons to a record's page."""

    change_form_outer_before_template: ClassVar[str] = "crm/admin/shortcuts.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add the shortcuts to the context, if the user may add records."""
        access = access_of(request)
        found = shortcut_links(self.opts.model_name, object_id) if access.can_edit and access.tenant else []
        return super().change_view(request, object_id, form_url, {"shortcuts": found} | (extra_context or {}))


def shortcut_links(name: Any, object_id: str) -> list[tuple[Shortcut, str]]:
    """Return the shortcuts of a record, given by the name of its model and its id, with their URLs."""
    found = []
    for key, shortcut in SHORTCUTS.items():
        query = urlencode({CHOSEN: key, ORIGIN: f"{name}.{object_id}"})
        found.append((shortcut, f"{reverse(f'{address_of(shortcut.model)}_add')}?{query}"))
    return found


class PrefilledMixin(ModelAdmin):
    """Fills in a form that a shortcut has led to, and leads back to the record."""

    #: The field to type in first.
    first_field: ClassVar[str]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values: what the shortcut gives, and then what the query string does."""
        origin = origin_of(request, self.model)
        filled_in = initial_values(request.GET[CHOSEN], origin) if origin else {}
        return filled_in | super().get_changeform_initial_data(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Have the cursor in the first field of a form that is filled in."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None and db_field.name == self.first_field and CHOSEN in request.GET:
            field.widget.attrs["autofocus"] = True
        return field

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Go back to the record that the shortcut was chosen on, where the new line is."""
        origin = origin_of(request, self.model)
        if origin is None:
            return super().response_post_save_add(request, obj)
        return redirect(f"{reverse(f'{address_of(type(origin))}_change', args=[origin.pk])}#{self.opts.model_name}")


def origin_of(request: HttpRequest, model: type[models.Model]) -> Any:
    """Return the record that a shortcut to a model's form was chosen on, or None: also if the user may not see it."""
    shortcut = SHORTCUTS.get(request.GET.get(CHOSEN, ""))
    name, _dot, key = request.GET.get(ORIGIN, "").partition(".")
    if shortcut is None or shortcut.model is not model or name not in MODELS or not key.isdecimal():
        return None
    # As change pages find a record, so that it is one of the user's tenant.
    found: Any = site.get_model_admin(MODELS[name]).get_object(request, key)
    return found if found is not None and found.tenant == access_of(request).tenant else None


def initial_values(chosen: str, origin: Any) -> dict[str, Any]:
    """Return what a shortcut fills in, chosen on a record."""
    now = timezone.now().replace(microsecond=0)
    if chosen == "deal":
        first = Stage.objects.filter(tenant=origin.tenant_id, pipeline__is_default=True).order_by("position", "id")
        return {"stage": first.values_list("pk", flat=True).first(), **links(origin, "contact", "company")}
    filled_in = {"activity_type": chosen, **links(origin, "contact", "company", "deal")}
    if chosen == "task":
        return {**filled_in, "due_date": timezone.localtime(now, origin.tenant.zone).date()}
    sentence = _("Call about %(name)s") if isinstance(origin, Deal) else _("Call with %(name)s")
    subject = sentence % {"name": Truncator(str(origin)).chars(NAME_LENGTH)}
    return {**filled_in, "subject": subject, "status": Activity.Status.COMPLETED, "completed_at": now}


def links(origin: Any, *fields: str) -> dict[str, int]:
    """Return the ids of a record and of those it refers to, as far as a form has fields for them."""
    found = {name: getattr(origin, f"{name}_id", None) for name in fields} | {origin._meta.model_name: origin.pk}
    return {name: pk for name, pk in found.items() if name in fields and pk}


def address_of(model: type[models.Model]) -> str:
    """Return what the names of a model's pages begin with."""
    return f"{site.name}:{model._meta.app_label}_{model._meta.model_name}"
