"""The endpoints for webhooks and their deliveries. All of them need the scope of admins: a URL may be a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from importexport.api.causes import Cause
from importexport.api.json_bodies import json_body
from importexport.api.links import BASE
from importexport.api.problems import Problem
from importexport.api.query_params import MOST, USUAL, choice, number
from importexport.api.requests import ApiRequest
from importexport.api.views.base import EndpointView, id_of, no_content
from importexport.models import Webhook, WebhookDelivery
from importexport.webhooks import managing
from importexport.webhooks.delivering import send_again
from importexport.webhooks.events import WebhookOff, send_ping


@contextmanager
def problems() -> Iterator[None]:
    """Context in which what cannot be done with a webhook is raised as Problem."""
    try:
        yield
    except managing.InvalidWebhook as why:
        raise Problem(Cause.INVALID_WEBHOOK, str(why)) from None
    except managing.Taken as why:
        raise Problem(Cause.WEBHOOK_TAKEN, str(why)) from None
    except managing.TooManyWebhooks as why:
        raise Problem(Cause.TOO_MANY_WEBHOOKS, str(why)) from None
    except WebhookOff as why:
        raise Problem(Cause.WEBHOOK_OFF, str(why)) from None


class WebhooksView(EndpointView):
    """All webhooks of the tenant."""

    scope = "admin"

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> HttpResponse:
        """Return the webhooks, oldest first, without their secrets."""
        found = Webhook.objects.filter(tenant=self.caller.tenant_id)
        return JsonResponse({"results": list(map(managing.webhook_json, found))})

    def post(self, request: Request) -> HttpResponse:
        """Add a webhook. This response is the only one that has its secret."""
        body = json_body(cast(ApiRequest, request))
        with problems():
            webhook, secret = managing.add_webhook(managing.read_given(body), tenant=self.caller.tenant)
        location = f"{BASE}/webhooks/{webhook.pk}"
        return JsonResponse(
            managing.webhook_json(webhook) | {"secret": secret}, status=201, headers={"Location": location}
        )


class OneWebhookView(EndpointView):
    """The base of endpoints for a single webhook."""

    scope = "admin"

    def check_path(self, *, webhook_id: str = "", **_: str) -> None:
        """Load the webhook; raise Problem (404) if it does not exist or belongs to another tenant."""
        found = Webhook.objects.filter(tenant=self.caller.tenant_id)
        webhook = found.filter(pk=id_of(webhook_id)).first()
        if webhook is None:
            raise Problem(Cause.NO_SUCH_WEBHOOK, "There is no such webhook.")
        self.webhook = webhook


class WebhookView(OneWebhookView):
    """A single webhook."""

    http_method_names = ("get", "head", "put", "delete")

    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        """Return the webhook without its secret."""
        return JsonResponse(managing.webhook_json(self.webhook))

    def put(self, request: Request, webhook_id: str) -> HttpResponse:
        """Change the webhook. Its secret stays."""
        body = json_body(cast(ApiRequest, request))
        with problems():
            managing.change_webhook(self.webhook, managing.read_given(body))
        return JsonResponse(managing.webhook_json(self.webhook))

    def delete(self, request: Request, webhook_id: str) -> HttpResponse:
        """Delete the webhook with its deliveries. Those that wait are not sent any more."""
        self.webhook.delete()
        return no_content()


class PingView(OneWebhookView):
    """Tries the webhook out."""

    http_method_names = ("post",)

    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        """Have a ping sent; return its delivery, which has not been attempted yet."""
        with problems(), transaction.atomic():
            delivery = send_ping(self.webhook)
        return JsonResponse(managing.delivery_json(delivery), status=202)


class DeliveriesView(OneWebhookView):
    """What was sent to the webhook, and what is to be."""

    parameters: ClassVar[tuple[str, ...]] = ("status", "limit", "after")
    http_method_names = ("get", "head")

    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        """Return a page of deliveries, latest first."""
        limit = number(self.query, "limit", usual=USUAL, least=1, most=MOST)
        found = WebhookDelivery.objects.filter(tenant=self.caller.tenant_id, webhook=self.webhook)
        if status := choice(self.query, "status", WebhookDelivery.Status.values):
            found = found.filter(status=status)
        found = found.order_by("-created_at", "-pk").defer("body")
        if last := self._last():
            found = found.filter(created_at__lte=last.created_at).exclude(created_at=last.created_at, pk__gte=last.pk)
        page = list(found[: limit + 1])
        after = urlencode({**self.query, "after": page[limit - 1].pk}) if len(page) > limit else None
        return JsonResponse(
            {
                "next": f"{BASE}/webhooks/{self.webhook.pk}/deliveries?{after}" if after else None,
                "results": list(map(managing.delivery_json, page[:limit])),
            }
        )

    def _last(self) -> WebhookDelivery | None:
        """Return the last delivery of the previous page."""
        text = self.query.get("after")
        if text is None:
            return None
        try:
            return delivery_of(self.webhook, text)
        except Problem:
            detail = f"Unknown after '{text[:100]}'. Expected the id of a delivery."
            raise Problem(Cause.INVALID_PARAMETER, detail) from None


class ResendView(OneWebhookView):
    """Sends a message again."""

    http_method_names = ("post",)

    def check_path(self, *, delivery_id: str = "", **path: str) -> None:
        """Load the webhook and the delivery; raise Problem (404) if there is no such."""
        super().check_path(**path)
        self.delivery = delivery_of(self.webhook, delivery_id)

    def post(self, request: Request, webhook_id: str, delivery_id: str) -> HttpResponse:
        """Have the message sent again at once, with the same id; return its delivery."""
        with problems():
            send_again(self.delivery)
        return JsonResponse(managing.delivery_json(self.delivery), status=202)


def delivery_of(webhook: Webhook, text: str) -> WebhookDelivery:
    """Return a delivery of a webhook by its id; raise Problem (404) if there is no such."""
    found = WebhookDelivery.objects.filter(tenant=webhook.tenant_id, webhook=webhook).select_related("webhook")
    try:
        return found.get(pk=UUID(text))
    except (ValueError, WebhookDelivery.DoesNotExist):
        raise Problem(Cause.NO_SUCH_DELIVERY, "There is no such delivery.") from None
