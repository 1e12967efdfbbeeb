"""Admin pages for webhooks. The secret of a webhook is shown once, when it is added."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import TenantForm, TenantModelAdmin
from importexport.models import Webhook
from importexport.webhooks.events import WebhookOff, send_ping
from importexport.webhooks.managing import (
    InvalidWebhook,
    Taken,
    TooManyWebhooks,
    check_room,
    check_url,
    forget_failures,
    is_taken,
)
from importexport.webhooks.signing import give_secret

TEMPLATES = "importexport/admin/webhooks"
EVENTS = {
    "import.finished": gettext_lazy("An import or an undo is finished"),
    "import.failed": gettext_lazy("An import has failed"),
    "export.ready": gettext_lazy("A prepared export is ready"),
}
STATES = {"on": gettext_lazy("On"), "failing": gettext_lazy("Failing"), "off": gettext_lazy("Off")}


class WebhookForm(TenantForm):
    """Form for a webhook."""

    events = forms.MultipleChoiceField(
        label=gettext_lazy("Send a message when"),
        choices=list(EVENTS.items()),
        initial=list(EVENTS),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Webhook
        fields = ("url", "events", "is_active")
        labels: ClassVar = {"url": gettext_lazy("URL"), "is_active": gettext_lazy("Switched on")}
        help_texts: ClassVar = {
            "url": gettext_lazy("Where messages are sent to: an https address that the internet can reach.")
        }

    def clean_url(self) -> str:
        url = self.cleaned_data["url"]
        try:
            check_url(url)
        except InvalidWebhook as why:
            raise ValidationError(str(why)) from None
        if is_taken(url, tenant_id=self.instance.tenant_id, but=self.instance.pk or 0):
            raise ValidationError(str(Taken()))
        return url

    def clean(self) -> dict[str, Any]:
        if self.instance.pk is None and self.instance.tenant_id:
            try:
                check_room(self.instance.tenant_id)
            except TooManyWebhooks as why:
                raise ValidationError(str(why)) from None
        return super().clean()


@admin.register(Webhook)
class WebhookAdmin(TenantModelAdmin):
    """The webhooks of a tenant, for its admins."""

    needs_to_view = needs_to_change = "can_manage"
    nothing_yet = gettext_lazy("A webhook tells another program as soon as an import has ended or an export is ready.")
    form = WebhookForm
    exclude = ()
    fields = ("url", "events", "is_active")
    list_display = ("address", "told", "state_label", "created", "deliveries_link")
    search_fields = ("url",)
    change_form_outer_after_template = f"{TEMPLATES}/panel.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of the form. There is more to say of a webhook that exists."""
        return (*self.fields, "state_in_words", "created") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("state_in_words", "created") if obj else ()

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Return the webhooks. Their deliveries, of which there may be thousands, go with them."""
        found = list(objs)
        missing = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [str(each) for each in found], {self.opts.verbose_name_plural: len(found)}, missing, []

    class Media:
        css: ClassVar = {"all": ["importexport/webhooks.css"]}

    # --- columns ---

    @display(description=gettext_lazy("URL"), ordering="url")
    def address(self, webhook: Webhook) -> str:
        return format_html('<span class="wh-url">{}</span>', webhook.url)

    @display(description=gettext_lazy("Sends a message when"))
    def told(self, webhook: Webhook) -> str:
        return "; ".join(str(EVENTS.get(event, event)) for event in webhook.events)

    @display(description=gettext_lazy("State"), label={"on": "success", "failing": "warning", "off": "danger"})
    def state_label(self, webhook: Webhook) -> tuple[str, Any]:
        return state(webhook), STATES[state(webhook)]

    @display(description=gettext_lazy("State"))
    def state_in_words(self, webhook: Webhook) -> Any:
        """Return the state, with the reason."""
        if webhook.note and not webhook.is_active:
            return webhook.note
        if webhook.is_active and webhook.failing_since:
            since = formatting.exactly(webhook.failing_since, webhook.tenant.zone)
            return _("No message has been accepted since %(since)s.") % {"since": since}
        return STATES[state(webhook)]

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, webhook: Webhook) -> str:
        return formatting.exactly(webhook.created_at, webhook.tenant.zone)

    @display(description=gettext_lazy("Messages"))
    def deliveries_link(self, webhook: Webhook) -> str:
        return format_html(
            '<a class="text-primary-700 underline dark:text-primary-400" href="{}" aria-label="{}">{}</a>',
            deliveries_of(webhook),
            _("Messages to %(url)s") % {"url": webhook.url},
            _("Messages"),
        )

    def get_list_select_related(self, request: HttpRequest) -> Any:
        return ["tenant"]

    # --- saving ---

    @method_decorator(sensitive_variables("secret"))
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save a webhook. A new one gets its secret, which the next page shows."""
        if not change:
            request.webhook_secret = give_secret(obj)  # type: ignore[attr-defined]
        elif "url" in form.changed_data or ("is_active" in form.changed_data and obj.is_active):
            forget_failures(obj)
        super().save_model(request, obj, form, change)

    @method_decorator(sensitive_variables("secret"))
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Respond with the secret directly: a redirect would leave it in a URL, session, message or cache."""
        context = {"webhook": obj, "secret": request.webhook_secret, "title": _("Webhook added")}  # type: ignore[attr-defined]
        response = render(request, f"{TEMPLATES}/added.html", self.admin_site.each_context(request) | context)
        response.headers["Cache-Control"] = "no-store, private"
        return response

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        """Leave out the buttons that save and stay: the secret of a new webhook has to be seen."""
        obj = options.get("obj")
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        links = {"deliveries_url": deliveries_of(obj)} if obj else {}
        return super().render_change_form(request, context | buttons | links, *args, **options)

    # --- ping ---

    def get_urls(self) -> list[URLPattern]:
        ping = self.admin_site.admin_view(self.ping_view)
        return [path("<int:webhook_id>/ping/", ping, name="importexport_webhook_ping"), *super().get_urls()]

    @method_decorator(require_POST)
    def ping_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Have a ping sent, and show its page."""
        webhook = self.get_queryset(request).filter(pk=webhook_id).first() if access_of(request).can_manage else None
        if webhook is None:
            raise Http404
        try:
            with transaction.atomic():
                delivery = send_ping(webhook)
        except WebhookOff as why:
            messages.error(request, str(why))
            return redirect("admin:importexport_webhook_change", webhook.pk)
        return redirect("admin:importexport_webhookdelivery_change", delivery.pk)


def state(webhook: Webhook) -> str:
    """Return a key of STATES."""
    if not webhook.is_active:
        return "off"
    return "failing" if webhook.failing_since else "on"


def deliveries_of(webhook: Webhook) -> str:
    """Return the address of the list of what was sent to a webhook."""
    return f"{reverse('admin:importexport_webhookdelivery_changelist')}?webhook__id__exact={webhook.pk}"
