"""Admin pages for what was sent to webhooks, with the button that sends it again."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import ReadOnlyAdmin
from importexport.admin import labels
from importexport.admin.base import record_link
from importexport.models import WebhookDelivery
from importexport.webhooks.delivering import send_again
from importexport.webhooks.events import PING, WebhookOff

Status = WebhookDelivery.Status
STATES = {
    Status.WAITING: gettext_lazy("Waiting"),
    Status.DELIVERED: gettext_lazy("Delivered"),
    Status.FAILED: gettext_lazy("Failed"),
}
MESSAGES = {
    "import.finished": gettext_lazy("Import done"),
    "import.failed": gettext_lazy("Import failed"),
    "export.ready": gettext_lazy("Export ready"),
    PING: gettext_lazy("Ping"),
}


class StatusFilter(admin.SimpleListFilter):
    """Filters messages by state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(status.value, title) for status, title in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """The messages to webhooks, for the tenant's admins. They are read-only, and can be sent again."""

    list_display = ("message", "address", "state_label", "attempts", "answer", "when")
    list_filter = (StatusFilter,)
    linked_by = ("webhook",)
    list_per_page = 50
    ordering = ("-created_at", "-id")
    actions = ("send_chosen_again",)
    fields = ("message", "webhook_link", "import_link", "state_in_words", "attempts", "error", "response", "body_shown")
    readonly_fields = fields

    class Media:
        css = {"all": ["importexport/webhooks.css"]}

    change_form_outer_after_template = "importexport/admin/webhooks/again.html"

    # --- permissions ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        access = access_of(request)
        found = super().get_queryset(request).select_related("webhook", "tenant", "run")
        if access.is_superuser and access.tenant is None:
            return found
        return found.filter(tenant=access.tenant) if access.can_manage else found.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).can_manage

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).can_manage

    # --- columns ---

    @display(description=gettext_lazy("Message"), ordering="event")
    def message(self, delivery: WebhookDelivery) -> Any:
        return MESSAGES.get(delivery.event, delivery.event)

    @display(description=gettext_lazy("State"), label={"waiting": "info", "delivered": "success", "failed": "danger"})
    def state_label(self, delivery: WebhookDelivery) -> tuple[str, Any]:
        return delivery.status, STATES[Status(delivery.status)]

    @display(description=gettext_lazy("State"))
    def state_in_words(self, delivery: WebhookDelivery) -> str:
        """Return the state, with the times of the last and the next attempt."""
        parts = [str(STATES[Status(delivery.status)])]
        if delivery.attempted_at:
            parts.append(_("last attempt %(time)s") % {"time": exactly(delivery, delivery.attempted_at)})
        if delivery.status == Status.WAITING and delivery.next_attempt_at:
            parts.append(_("next attempt %(time)s") % {"time": exactly(delivery, delivery.next_attempt_at)})
        return ", ".join(parts)

    @display(description=gettext_lazy("Answer"))
    def answer(self, delivery: WebhookDelivery) -> str:
        return delivery.error or (str(delivery.response_status) if delivery.response_status else formatting.EMPTY)

    @display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, delivery: WebhookDelivery) -> str:
        """Return how long ago the message was to be sent, with the exact time as a tooltip."""
        exact, iso = exactly(delivery, delivery.created_at), delivery.created_at.isoformat()
        return format_html('<time datetime="{}" title="{}">{}</time>', iso, exact, labels.ago(delivery.created_at))

    # --- the page of a message ---

    @display(description=gettext_lazy("Webhook"), ordering="webhook")
    def address(self, delivery: WebhookDelivery) -> str:
        return format_html('<span class="wh-url">{}</span>', delivery.webhook.url)

    @display(description=gettext_lazy("Webhook"))
    def webhook_link(self, delivery: WebhookDelivery) -> str:
        return format_html('<span class="wh-url">{}</span>', record_link(delivery.webhook))

    @display(description=gettext_lazy("Import"))
    def import_link(self, delivery: WebhookDelivery) -> str:
        return record_link(delivery.run) if delivery.run else formatting.EMPTY

    @display(description=gettext_lazy("Response"))
    def response(self, delivery: WebhookDelivery) -> str:
        """Return the status of the last response, and the beginning of its text."""
        if delivery.response_status is None:
            return formatting.EMPTY
        return preformatted(f"{delivery.response_status}\n{delivery.response_body}".strip())

    @display(description=gettext_lazy("What is sent"))
    def body_shown(self, delivery: WebhookDelivery) -> str:
        return preformatted(json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False))

    # --- sending again ---

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(self.again_view)
        return [path("<uuid:pk>/again/", again, name="importexport_webhookdelivery_again"), *super().get_urls()]

    @method_decorator(require_POST)
    def again_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have a message sent again."""
        delivery = self.get_queryset(request).filter(pk=pk).first()
        if delivery is None:
            raise Http404
        self._send(request, [delivery])
        return redirect("admin:importexport_webhookdelivery_change", pk)

    @admin.action(description=gettext_lazy("Send again"), permissions=["view"])
    def send_chosen_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Have several messages sent again."""
        self._send(request, list(queryset))

    def _send(self, request: HttpRequest, deliveries: list[WebhookDelivery]) -> None:
        sent = 0
        for delivery in deliveries:
            try:
                send_again(delivery)
                sent += 1
            except WebhookOff as why:
                messages.error(request, f"{delivery.webhook}: {why}")
        if sent:
            text = ngettext("The message is sent again.", "%(count)s messages are sent again.", sent)
            messages.success(request, text % {"count": sent})


def exactly(delivery: WebhookDelivery, moment: Any) -> str:
    """Return a time in the time zone of the delivery's tenant."""
    return formatting.exactly(moment, delivery.tenant.zone)


def preformatted(text: str) -> str:
    """Return a text as it is, in lines."""
    return format_html('<pre class="wh-code" tabindex="0">{}</pre>', text)
