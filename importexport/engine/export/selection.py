"""The selection of an export: which records, and which of their columns. The same in the API and the shell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Cast, Upper

from importexport import errors
from importexport.columns.cells import prepare
from importexport.columns.fields import Column
from importexport.columns.references import Reference
from importexport.columns.widgets import Choice, Tags, is_storable
from importexport.engine.resource import EntityResource
from importexport.sources.outgoing import outgoing
from importexport.sources.presets import source_names
from importexport.sources.reading import OURS

COLUMNS, UPDATED_SINCE, HEADERS = "columns", "updated_since", "headers"
TEXTS = ArrayField(TextField())
CONTAINS: Any = TEXTS.get_lookup("contains")


class SelectionError(ValueError):
    """An invalid selection. The message is shown to the user."""


@dataclass(frozen=True)
class Selection:
    """The records of an export, as a condition, and its columns; None for those of the template.

    ``headers`` names the program whose headers the file has, or is empty.
    """

    condition: Q = field(default_factory=Q)
    columns: list[str] | None = None
    headers: str = ""


def selection_names(resource: type[EntityResource]) -> list[str]:
    """Return the parameters of a selection for an entity: columns, the time of the last change, and filters."""
    return [COLUMNS, HEADERS, UPDATED_SINCE, *resource.filters]


def read_selection(given: Mapping[str, str], resource: EntityResource) -> Selection:
    """Return the selection for parameters (see ``selection_names``). All conditions must be met.

    Raises SelectionError for an invalid value.
    """
    columns = read_columns(given[COLUMNS], resource) if COLUMNS in given else None
    headers = read_headers(given, resource)
    condition = Q()
    if UPDATED_SINCE in given:
        condition &= changed_since(given[UPDATED_SINCE], resource)
    for name in resource.filters:
        if name in given:
            condition &= condition_of(given[name], resource.stored[name], resource)
    return Selection(condition, columns, headers)


def read_headers(given: Mapping[str, str], resource: EntityResource) -> str:
    """Return the program whose headers an export has, "" for ours; raise SelectionError for one without a table."""
    name = given.get(HEADERS, OURS)
    if name == OURS:
        return ""
    if COLUMNS in given:
        raise SelectionError("'headers' chooses the columns: it cannot be given together with 'columns'.")
    if name not in source_names():
        known = ", ".join([OURS, *source_names()])
        raise SelectionError(f"Unknown headers '{errors.echo(name)}'. Expected one of: {known}.")
    if not covers(name, resource):
        raise SelectionError(f"'{name}' has no {resource.entity}.")
    return name


def covers(program: str, resource: EntityResource) -> bool:
    """Whether a program has headers for an entity, and for what identifies a record of it."""
    there = {one.column for one in outgoing(program, resource.entity)}
    needed = set() if resource.entity == "contacts" else set(resource.required_names())
    return bool(there) and needed <= there


def read_columns(text: str, resource: EntityResource) -> list[str]:
    """Return the columns in a comma-separated list, in order; raise SelectionError for unknown or repeated ones."""
    known, names = resource.exportable, [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise SelectionError(f"Unknown column '{errors.echo(name)}'. Expected some of: {', '.join(known)}.")
        if names.count(name) > 1:
            raise SelectionError(f"The column '{name}' is given more than once.")
    return names


def changed_since(text: str, resource: EntityResource) -> Q:
    """Return the condition that a record was created or changed at a time or later: an ISO 8601 date or time, in the
    tenant's zone if it has no offset."""
    return Q(updated_at__gte=parsed(text, resource.exportable["updated_at"], name=UPDATED_SINCE))


def condition_of(text: str, column: Column, resource: EntityResource) -> Q:
    """Return the condition that a record's cell in a column matches a text; raise SelectionError if no cell can.

    Choices and names match as in imports, other texts ignoring case. A record must have all of the tags.
    """
    widget, name = column.widget, column.source.name
    if isinstance(widget, Reference):
        return Q(**{f"{name}__in": named(text, column, resource)})
    value = parsed(text, column, name=column.column_name)
    if isinstance(widget, Tags):
        return has_tags(name, value)
    return Q(**{name if isinstance(widget, Choice) else f"{name}__iexact": value})


def named(text: str, column: Column, resource: EntityResource) -> list[int]:
    """Return the ids of the records with a name or e-mail address; raise SelectionError if there are none."""
    widget = column.widget
    (key,) = widget.folded.fold_column([cleaned(text)])
    found = widget.model._default_manager.filter(tenant=resource.tenant, **{widget.key: key})
    ids = list(found.values_list("pk", flat=True)) if key and is_storable(key) else []
    if not ids:
        raise unknown(text, column, name=column.column_name)
    return ids


def has_tags(name: str, tags: list[str]) -> Q:
    """Return the condition that a record has all the tags, ignoring case."""
    stored = Cast(Upper(Cast(F(name), TextField())), TEXTS)
    return Q(CONTAINS(stored, [Upper(Value(tag)) for tag in tags]))


def parsed(text: str, column: Column, *, name: str) -> Any:
    """Return the value of a cell; raise SelectionError for a blank or invalid one."""
    value = cleaned(text)
    try:
        found = column.widget.parse(value, name) if value else None
    except ValueError:
        found = None
    if not found:
        raise unknown(text, column, name=name)
    return found


def cleaned(text: str) -> str:
    """Return a text as if it were a cell of a file."""
    return prepare([text])[0]


def unknown(text: str, column: Column, *, name: str) -> SelectionError:
    """Return the error for a value that a column cannot have."""
    expected = column.help.partition(";")[0]
    return SelectionError(f"Unknown {name} '{errors.echo(text)}'. Expected {expected}.")
