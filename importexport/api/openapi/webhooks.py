"""Describes the endpoints for webhooks, and the messages that are sent to them."""

from functools import partial

from importexport.api.links import BASE
from importexport.api.openapi import examples
from importexport.api.openapi.enums import enum
from importexport.api.openapi.operation import JSON, WRITING, Json, for_admins, ref, taking
from importexport.api.openapi.runs import LOCATION, parameter
from importexport.api.openapi.schemas import COUNT, MOMENT, TEXT, UUID, members, or_null, page, text_of_length
from importexport.models import WebhookDelivery
from importexport.webhooks.addresses import LONGEST
from importexport.webhooks.events import EVENTS, PING

TAG = "webhooks"
DELIVERY_ID = "5f3d7c1e-2a41-4c55-9d0e-6c8f3b1a7e90"
SETTINGS_EXAMPLE: Json = {"url": "https://hooks.example.com/rally", "events": [*EVENTS], "isActive": True}
EXAMPLE: Json = (
    {"id": 7}
    | SETTINGS_EXAMPLE
    | {
        "note": None,
        "failingSince": None,
        "createdAt": "2026-01-10T09:00:00Z",
    }
)
NEW_EXAMPLE = EXAMPLE | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwrz7Fh7PY0xg="}
DELIVERY_EXAMPLE: Json = {
    "id": DELIVERY_ID,
    "event": "import.finished",
    "import": examples.RUN,
    "status": "delivered",
    "attempts": 2,
    "createdAt": "2026-01-12T02:00:01Z",
    "attemptedAt": "2026-01-12T02:00:07Z",
    "nextAttemptAt": None,
    "responseStatus": 204,
    "responseBody": None,
    "error": None,
}
WAITING_EXAMPLE = DELIVERY_EXAMPLE | {
    "status": "waiting",
    "attempts": 1,
    "nextAttemptAt": "2026-01-12T02:00:06Z",
    "attemptedAt": "2026-01-12T02:00:01Z",
    "responseStatus": 500,
    "responseBody": "Internal Server Error",
    "error": "The receiver answered 500.",
}
PING_EXAMPLE = DELIVERY_EXAMPLE | {
    "event": PING,
    "import": None,
    "status": "waiting",
    "attempts": 0,
    "attemptedAt": None,
    "nextAttemptAt": "2026-01-12T02:00:01Z",
    "responseStatus": None,
}
URL: Json = TEXT | {"format": "uri", "minLength": 1, "maxLength": LONGEST, "description": "https, on a public host"}
LISTED: Json = {"type": "array", "items": ref("WebhookEvent"), "minItems": 1}
SWITCH: Json = {"type": "boolean", "description": "Whether messages are sent"}
SHOWN: Json = {
    "id": {"type": "integer", "format": "int64"},
    "url": URL,
    "events": LISTED,
    "isActive": SWITCH,
    "note": or_null(TEXT) | {"description": "Why the server has switched it off"},
    "failingSince": or_null(MOMENT) | {"description": "Since when no attempt has succeeded"},
    "createdAt": MOMENT,
}
DELIVERY: Json = {
    "id": UUID | {"description": "The `webhook-id` of each attempt"},
    "event": ref("MessageType"),
    "import": or_null(UUID) | {"description": "The import that the message tells of"},
    "status": ref("DeliveryStatus"),
    "attempts": COUNT,
    "createdAt": MOMENT,
    "attemptedAt": or_null(MOMENT) | {"description": "The last attempt"},
    "nextAttemptAt": or_null(MOMENT),
    "responseStatus": or_null({"type": "integer"}) | {"description": "Of the last attempt"},
    "responseBody": or_null(TEXT) | {"description": "The first 1,024 bytes of the response"},
    "error": or_null(TEXT) | {"description": "Why the last attempt did not succeed"},
}
WEBHOOKS: Json = {
    "WebhookEvent": enum(EVENTS, "\n".join(["What is told:", "", *(f"- `{name}`: {EVENTS[name]}" for name in EVENTS)])),
    "MessageType": enum([*EVENTS, PING], "The type of a message: an event, or a ping to try the webhook out"),
    "DeliveryStatus": enum(
        WebhookDelivery.Status.values, "A `failed` delivery is not tried again unless somebody has it sent again"
    ),
    "WebhookSettings": members(
        {"url": URL, "events": LISTED, "isActive": SWITCH | {"default": True}},
        optional=("isActive",),
        additionalProperties=False,
    ),
    "Webhook": members(SHOWN, description="Where messages are sent to"),
    "NewWebhook": members(
        SHOWN | {"secret": TEXT | {"description": "What messages are signed with; it is not shown again"}},
        description="A webhook with its secret",
    ),
    "WebhookPage": members({"results": {"type": "array", "items": ref("Webhook")}}),
    "Delivery": members(DELIVERY, description="A message to a webhook, and what came of it"),
    "DeliveryPage": page("Delivery"),
    "Message": members(
        {"type": ref("WebhookEvent"), "timestamp": MOMENT, "data": ref("RunSummary")},
        description="The body of a request to a webhook that tells of an import",
    ),
    "ExportMessage": members(
        {"type": ref("WebhookEvent"), "timestamp": MOMENT, "data": ref("PreparedExport")},
        description="The body of a request to a webhook that tells of an export",
    ),
}
ID: Json = {
    "name": "webhook_id",
    "in": "path",
    "required": True,
    "description": "The id of the webhook",
    "schema": {"type": "integer", "format": "int64"},
}
DELIVERY_PARAMETER: Json = {
    "name": "delivery_id",
    "in": "path",
    "required": True,
    "description": "The id of the delivery",
    "schema": UUID,
}
MESSAGE = "Signed as Standard Webhooks says. What is not answered with 2xx within 10 seconds is sent again."
endpoint = partial(for_admins, tag=TAG)


def taking_settings(described: Json) -> Json:
    """Add the body to the description of an operation that takes the settings of a webhook."""
    return taking(described, "WebhookSettings", SETTINGS_EXAMPLE)


def paths() -> Json:
    """Describe the list of webhooks, what can be done with one, and its deliveries."""
    one = f"{BASE}/webhooks/{{webhook_id}}"
    listing = [
        parameter("status", "Only deliveries with this status", ref("DeliveryStatus")),
        parameter(
            "limit", "The maximum number of results", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
        ),
        parameter("after", "The id of the last delivery of the previous page; see `next`", text_of_length(100)),
    ]
    return {
        f"{BASE}/webhooks": {
            "get": endpoint(
                "webhooks_list",
                "List the webhooks",
                "Returns the tenant's webhooks, oldest first, without their secrets.",
                "WebhookPage",
                {"results": [EXAMPLE]},
                [],
            ),
            "post": taking_settings(
                endpoint(
                    "webhooks_add",
                    "Add a webhook",
                    "Only this response has the secret that messages are signed with.",
                    "NewWebhook",
                    NEW_EXAMPLE,
                    [],
                    statuses=(*WRITING, 408, 415),
                    headers=LOCATION | {"Location": "The path of the webhook"},
                    success="201",
                )
            ),
        },
        one: {
            "get": endpoint(
                "webhooks_show", "Show a webhook", "Returns a webhook without its secret.", "Webhook", EXAMPLE, [ID]
            ),
            "put": taking_settings(
                endpoint(
                    "webhooks_change",
                    "Change a webhook",
                    "Replaces the URL, the events and whether it is switched on; the secret stays.",
                    "Webhook",
                    EXAMPLE,
                    [ID],
                    statuses=(*WRITING, 408, 415),
                )
            ),
            "delete": deleting(),
        },
        f"{one}/ping": {
            "post": endpoint(
                "webhooks_ping",
                "Send a ping",
                "Has a message of the type `ping` sent, to try the webhook out.",
                "Delivery",
                PING_EXAMPLE,
                [ID],
                statuses=WRITING,
                success="202",
            )
        },
        f"{one}/deliveries": {
            "get": endpoint(
                "webhooks_deliveries",
                "List the deliveries of a webhook",
                "Returns what was sent and what is to be, latest first, for as long as imports are kept.",
                "DeliveryPage",
                {"next": None, "results": [DELIVERY_EXAMPLE]},
                [ID, *listing],
            )
        },
        f"{one}/deliveries/{{delivery_id}}/resend": {
            "post": endpoint(
                "webhooks_resend",
                "Send a message again",
                "Has the message of a delivery sent again at once, with the same `webhook-id`.",
                "Delivery",
                WAITING_EXAMPLE,
                [ID, DELIVERY_PARAMETER],
                statuses=WRITING,
                success="202",
            )
        },
    }


def deleting() -> Json:
    """Describe how a webhook is deleted."""
    text = "Deletes its deliveries as well; what waits is not sent any more."
    described = endpoint(
        "webhooks_delete",
        "Delete a webhook",
        text,
        "",
        {},
        [ID],
        statuses=tuple(s for s in WRITING if s != 409),
        success="204",
    )
    del described["responses"]["204"]["content"]
    return described


def messages() -> Json:
    """Describe the requests that are sent to webhooks."""
    return {event: {"post": message(event)} for event in EVENTS}


#: Event → an example of what it tells.
DATA: Json = {
    "import.finished": examples.SUMMARY,
    "import.failed": examples.SUMMARY
    | {"status": "failed", "error": "The file is empty.", "fault": "The file is empty."},
    "export.ready": examples.EXPORT,
}


def message(event: str) -> Json:
    """Describe the request that tells of an event."""
    example = {"type": event, "timestamp": "2026-01-12T02:00:01Z", "data": DATA[event]}
    schema = "ExportMessage" if event == "export.ready" else "Message"
    return {
        "operationId": event.replace(".", "_"),
        "tags": [TAG],
        "summary": EVENTS[event],
        "description": MESSAGE,
        "security": [],
        "parameters": [
            sent("webhook-id", "The id of the message, the same with each attempt", TEXT),
            sent("webhook-timestamp", "When the attempt was made, in Unix time", {"type": "integer"}),
            sent("webhook-signature", "`v1,` and the HMAC-SHA256 of id, timestamp and body, in base64", TEXT),
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": ref(schema), "example": example}}},
        "responses": {"2XX": {"description": "The message is accepted"}},
    }


def sent(name: str, text: str, schema: Json) -> Json:
    """Describe a header of a message."""
    return {"name": name, "in": "header", "required": True, "description": text, "schema": schema}
