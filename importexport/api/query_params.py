"""Query parameters: each must be known, given once, and have one of its values."""

from collections.abc import Collection, Mapping

from django.http import QueryDict
from rest_framework.request import Request

from importexport.api.problems import Problem

#: The maximum and the default number of rows or runs per page.
MOST, USUAL = 1000, 100


def read_query(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the query's parameters; raise Problem (400) for one that is unknown or given twice."""
    query = QueryDict(request.META.get("QUERY_STRING", "").strip("&"), encoding="utf-8")
    for name, values in query.lists():
        if name not in known:
            raise Problem(400, f"Unknown query parameter '{name[:100]}'.")
        if len(values) > 1:
            raise Problem(400, f"The query parameter '{name}' is given more than once.")
    return {name: query[name] for name in query}


def choice(query: Mapping[str, str], name: str, values: Collection[str]) -> str | None:
    """Return a parameter's value, or None if it is missing; raise Problem (400) for an unknown value."""
    value = query.get(name)
    if value is not None and value not in values:
        raise Problem(400, f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(values)}.")
    return value


def number(query: Mapping[str, str], name: str, *, usual: int, least: int, most: int) -> int:
    """Return a parameter that is a whole number; raise Problem (400) for anything else."""
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
        raise Problem(400, f"Unknown {name} '{text[:100]}'. Expected a whole number from {least} to {most}.")
    return int(text)
