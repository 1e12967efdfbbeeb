"""The options of an import, in the query or in the fields of the form."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.utils.datastructures import MultiValueDict

from crm.models import Tenant
from importexport import mappings
from importexport.api.causes import Cause
from importexport.api.misspellings import hint
from importexport.api.problems import Problem
from importexport.api.query_params import BOOLEANS, boolean
from importexport.engine.options import NAMES, OptionError, Options, read_options, read_value
from importexport.engine.spec import EntitySpec

#: All of them, as parameters of the query and as fields of the form.
OPTIONS = ("dry_run", *NAMES)


class Asked(NamedTuple):
    """The options of a request."""

    #: The options as given, to recognise a repeated request.
    given: dict[str, str]
    options: Options
    is_dry: bool


def check_query(query: Mapping[str, str], spec: EntitySpec, *, tenant: Tenant, may_be_dry: bool) -> None:
    """Check the options in the query, before the body is read; raise Problem (400) for invalid ones.

    Without a mode, options that only make sense in some modes are left for later: the form may have the mode.
    """
    read_dry_run(query, may_be_dry=may_be_dry)
    with problems():
        given = mappings.resolved(engine_options(query), tenant=tenant, spec=spec)
        for name, value in given.items():
            read_value(name, value, spec)
        if "mode" in given:
            read_options(given, spec)


def read_all(
    query: Mapping[str, str],
    fields: MultiValueDict[str, Any],
    spec: EntitySpec,
    *,
    tenant: Tenant,
    may_be_dry: bool,
) -> Asked:
    """Return the options in the query and in the form; raise Problem (400) if they are invalid."""
    given = merged({name: query[name] for name in OPTIONS if name in query}, form_options(fields))
    is_dry = read_dry_run(given, may_be_dry=may_be_dry)
    with problems():
        return Asked(given, mappings.read_given(engine_options(given), tenant=tenant, spec=spec), is_dry)


def form_options(fields: MultiValueDict[str, Any]) -> dict[str, str]:
    """Return the options among the fields of a form; fields of other names are ignored.

    Raises Problem (400) for an option that is given twice or is not UTF-8, and for a misspelt name: the client would
    believe that ``dryRun`` stores nothing.
    """
    found = {}
    for name, values in fields.lists():
        if name in OPTIONS:
            found[name] = only_value(name, values)
        elif suggestion := hint(name, OPTIONS):
            raise Problem(Cause.UNKNOWN_PARAMETER, f"Unknown form field '{name[:100]}'{suggestion}.")
    return found


def only_value(name: str, values: list[str]) -> str:
    """Return the value of a field; raise Problem (400) if it is given more than once or is not UTF-8."""
    if len(values) > 1:
        raise Problem(Cause.REPEATED_PARAMETER, f"The form field '{name}' is given more than once.")
    if any("\ud800" <= character <= "\udfff" for character in values[0]):
        raise Problem(Cause.INVALID_OPTION, f"The form field '{name}' is not UTF-8.")
    return values[0]


def merged(query: Mapping[str, str], form: Mapping[str, str]) -> dict[str, str]:
    """Return the options of both; raise Problem (400) if one has different values."""
    for name in query:
        if name in form and comparable(name, query[name]) != comparable(name, form[name]):
            raise Problem(
                Cause.CONTRADICTORY_OPTION,
                f"'{name}' is '{query[name][:100]}' in the query, but '{form[name][:100]}' in the form.",
            )
    return {**form, **query}


def comparable(name: str, value: str) -> str | bool:
    """Return a value for comparison: all spellings of a boolean are the same."""
    return BOOLEANS.get(value, value) if name == "dry_run" else value


def read_dry_run(given: Mapping[str, str], *, may_be_dry: bool) -> bool:
    """Return whether the request is a dry run; raise Problem (400) for other values, or if there is no dry run."""
    is_dry = boolean(given, "dry_run", cause=Cause.INVALID_OPTION)
    if is_dry and not may_be_dry:
        raise Problem(Cause.INVALID_OPTION, "'dry_run' means nothing here: no records are stored.")
    return is_dry


def engine_options(given: Mapping[str, str]) -> dict[str, str]:
    """Return the options without those of the API."""
    return {name: given[name] for name in NAMES if name in given}


@contextmanager
def problems() -> Iterator[None]:
    """Turn OptionError into Problem (400)."""
    try:
        yield
    except OptionError as error:
        raise Problem(Cause.INVALID_OPTION, str(error)) from None
