"""The ``Prefer`` header (RFC 7240): with ``respond-async``, a worker does what was asked for, and the client polls."""

from typing import Any

from django.http import JsonResponse
from rest_framework.request import Request

from importexport.api.links import path_of
from importexport.models import ImportRun
from importexport.runs import serializers

RESPOND_ASYNC = "respond-async"
#: Seconds after which a client may look whether the run has finished.
LOOK_AGAIN = 2


def prefers_async(request: Request) -> bool:
    """Whether a request prefers a response before its work is done. Other preferences are ignored, as RFC 7240 has it;
    so is the value of this one, which has none."""
    preferences = request.META.get("HTTP_PREFER", "").lower().split(",")
    return RESPOND_ASYNC in {preference.partition(";")[0].strip() for preference in preferences}


def accepted(run: ImportRun) -> JsonResponse:
    """Return the response for a run that waits for a worker, or is at work."""
    return accepted_response(path_of(run), serializers.detail_json(run))


def accepted_response(path: str, content: dict[str, Any]) -> JsonResponse:
    """Return the response for what a worker does, with its state and the path where to look again."""
    headers = {
        "Location": path,
        "Preference-Applied": RESPOND_ASYNC,
        "Retry-After": str(LOOK_AGAIN),
        "Vary": "Prefer",
    }
    return JsonResponse(content, status=202, headers=headers)
