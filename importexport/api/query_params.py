"""Query parameters: each must be known, given once, and have one of its values."""

from collections.abc import Collection, Mapping

from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict
from rest_framework.request import Request

from importexport.api.causes import Cause
from importexport.api.misspellings import hint
from importexport.api.problems import Problem

#: The maximum and the default number of rows or runs per page.
MOST, USUAL = 1000, 100
#: The maximum number of parameters. Forms of the admin may have more fields.
PARAMETERS = 1000
#: What clients in different languages send for a boolean.
BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "1": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "0": False,
}


def read_query(request: Request, known: Collection[str], lists: Collection[str] = ()) -> dict[str, str]:
    """Return the query's parameters; raise Problem (400) for one that is unknown or given twice, and TooManyFieldsSent.

    Those in ``lists`` can be given several times, which many clients do instead of separating their values by commas.
    """
    text = request.META.get("QUERY_STRING", "").strip("&")
    if text.count("&") >= PARAMETERS:
        raise TooManyFieldsSent
    query = QueryDict(text, encoding="utf-8")
    for name, values in query.lists():
        if name not in known:
            raise Problem(Cause.UNKNOWN_PARAMETER, f"Unknown query parameter '{name[:100]}'{hint(name, known)}.")
        if len(values) > 1 and name not in lists:
            raise Problem(Cause.REPEATED_PARAMETER, f"The query parameter '{name}' is given more than once.")
    return {name: ",".join(values) for name, values in query.lists()}


def choice(query: Mapping[str, str], name: str, values: Collection[str]) -> str | None:
    """Return a parameter's value, or None if it is missing; raise Problem (400) for an unknown value."""
    value = query.get(name)
    if value is not None and value not in values:
        raise Problem(Cause.INVALID_PARAMETER, f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(values)}.")
    return value


def boolean(given: Mapping[str, str], name: str, *, cause: Cause = Cause.INVALID_PARAMETER) -> bool:
    """Return a parameter that is true or false, false if it is missing; raise Problem (400) for anything else."""
    value = given.get(name, "false")
    if value not in BOOLEANS:
        raise Problem(cause, f"Unknown {name} '{value[:100]}'. Expected one of: true, false.")
    return BOOLEANS[value]


def number(query: Mapping[str, str], name: str, *, usual: int, least: int, most: int) -> int:
    """Return a parameter that is a whole number; raise Problem (400) for anything else."""
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
        raise Problem(
            Cause.INVALID_PARAMETER, f"Unknown {name} '{text[:100]}'. Expected a whole number from {least} to {most}."
        )
    return int(text)
