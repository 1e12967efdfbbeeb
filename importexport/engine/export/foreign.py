"""Exports in the words of another program: its headers, its values, its forms of lists and texts."""

from collections.abc import Mapping
from functools import partial
from typing import cast

from django.db.models import F
from django.db.models.expressions import Combinable

from importexport.columns.fields import Column
from importexport.engine.export.streams import Exported, Sql, cell_sql
from importexport.engine.resource import EntityResource
from importexport.files.xlsx import Kind
from importexport.sources.outgoing import Outgoing, outgoing

#: Step → the SQL of a cell that is read with it; ``{0}`` is our cell.
FORMS = {
    "fraction_to_percent": "rtrim(rtrim((({0})::numeric / 100)::text, '0'), '.')",
    "split_semicolon": "replace({0}, ',', ';')",
    "split_triple": "replace({0}, ',', ' ::: ')",
    "quoted_list": "CASE WHEN {0} = '' THEN '' ELSE '\"' || replace({0}, ',', '\",\"') || '\"' END",
    # Only what would be taken for HTML is written as such, as it stands.
    "html_text": (
        "CASE WHEN {0} ~ '</?[A-Za-z][^<>]*>|&(#[0-9]+|#x[0-9A-Fa-f]+|[A-Za-z]+);' THEN '<pre>'"
        " || replace(replace(replace({0}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;') || '</pre>' ELSE {0} END"
    ),
}
#: A full name that is split again as it was: turned round where the last name has several words.
FULL_NAME = (
    "CASE WHEN {0} = '' OR {1} = '' THEN {0} || {1} WHEN position(' ' IN {1}) > 0 THEN {1} || ', ' || {0}"
    " ELSE {0} || ' ' || {1} END"
)
#: The columns of external ids, which are of no use to another program.
IDS = ("external_id", "company_external_id", "contact_external_id", "deal_external_id")


def foreign_columns(headers: str, resource: EntityResource) -> list[Exported]:
    """Return the columns of an export for a program; empty if it has no table for the entity."""
    source = [of_program(one, headers, resource) for one in outgoing(headers, resource.entity)]
    return [column for column in source if column]


def of_program(one: Outgoing, program: str, resource: EntityResource) -> Exported | None:
    """Return a column of an export for a program, or None where we have nothing for its header."""
    if one.column == "full_name":
        return Exported(
            one.header, "text", lambda around: wrapped(Sql(F("first_name"), F("last_name"), template=FULL_NAME), around)
        )
    if one.column == "row_kind":
        only = one.steps["only"].replace("'", "''")
        return Exported(one.header, "text", lambda around: wrapped(Sql(F("id"), template=f"'{only}'::text"), around))
    column = resource.exportable.get(one.column)
    if column is None or one.column in IDS or one.column == "external_source":
        return None
    if "label" in one.steps:
        label = one.steps["label"].replace("'", "''")
        return Exported(one.header, "text", partial(formed, column, f"CASE WHEN {{0}} = '' THEN '' ELSE '{label}' END"))
    form = form_of(one)
    kind = cast(Kind, column.widget.kind) if form == "{0}" else "text"
    return Exported(one.header, kind, partial(formed, column, form))


def form_of(one: Outgoing) -> str:
    """Return the SQL template of a header's cells."""
    form = next((FORMS[step] for step in one.steps if step in FORMS), "{0}")
    return in_words(one.words) if one.words else form


def in_words(words: Mapping[str, str]) -> str:
    """Return the SQL template that writes a program's words for our values."""
    quote = lambda text: "'" + text.replace("'", "''") + "'"  # noqa: E731 - used twice below
    cases = " ".join(f"WHEN {quote(ours)} THEN {quote(theirs)}" for ours, theirs in words.items())
    return f"CASE {{0}} {cases} ELSE {{0}} END"


def formed(column: Column, form: str, around: str) -> Combinable:
    """Return the SQL of a column's cells in a form, with a template around each."""
    return cell_sql(column, around.replace("{0}", f"({form})"))


def wrapped(expression: Sql, around: str) -> Combinable:
    """Return an expression with a template around it."""
    return Sql(expression, template=around)
