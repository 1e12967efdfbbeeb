"""Content negotiation: the Accept header (RFC 9110, section 12.5.1) and the Content-Type of a body."""

import re
from collections.abc import Iterable

import multipart
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_RANGE = re.compile(r"\s*([\w!#$&^.+-]+|\*)/([\w!#$&^.+-]+|\*)\s*((?:;[^,]*)?)", re.ASCII)
_QUALITY = re.compile(r";\s*q\s*=\s*([^;\s]*)", re.IGNORECASE)
#: The type of errors. They are sent whatever the header says, so it says nothing about the response to a success;
#: generated clients send it alone, because it is the only JSON that an operation describes.
ERRORS = ("application", "problem+json")
#: Bytes of any kind: who accepts them can save a response of any type, as download clients do.
BYTES = ("application", "octet-stream")
_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")


def media_type_of(request: Request) -> str:
    """Return the media type of a request's body, without parameters."""
    return multipart.parse_options_header(request.content_type)[0]


class StrictNegotiation(BaseContentNegotiation):
    """Negotiates by the Accept header alone, without DRF's ``format`` parameter and path suffix."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        kind = media_type_of(request)
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer with an accepted media type, and that type; raise NotAcceptable without one."""
        header = request.META.get("HTTP_ACCEPT", "")
        given = list(renderers)
        for renderer in given:
            if accepts(header, renderer.media_type):
                return renderer, renderer.media_type
        listed = " or ".join(renderer.media_type for renderer in given)
        raise NotAcceptable(f"This endpoint gives {listed}, which the Accept header excludes.")


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header accepts a media type, given without parameters.

    The most specific range decides, so ``text/csv;q=0, */*`` does not accept CSV. Parameters other than the weight are
    ignored, and so are malformed ranges and the type of errors. A header without any other range accepts everything.
    ``application/octet-stream`` accepts every type that no other range decides about.
    """
    ranges = [match for part in header.split(",") if (match := _RANGE.fullmatch(part))]
    weights = {(match[1].lower(), match[2].lower()): weight(match[3]) for match in ranges}
    weights.pop(ERRORS, None)
    if not weights:
        return True
    if not weights.get(BYTES):
        weights.pop(BYTES, None)
    main, _, sub = media_type.partition("/")
    for wanted in ((main, sub), (main, "*"), BYTES, ("*", "*")):
        if wanted in weights:
            return weights[wanted] > 0
    return False


def weight(parameters: str) -> float:
    """Return the weight among a range's parameters; 1 if it is missing or malformed."""
    given = _QUALITY.search(parameters)
    if given is None or not _WEIGHT.fullmatch(given[1]):
        return 1.0
    return float(given[1])
