"""Suggestions for names that a plan did not find, and rejects or would create.

Compares them with all of the tenant's names, a few thousand at a time, using rapidfuzz. Unlike pg_trgm, it needs no
extension on the database server.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from django.db import models, transaction
from rapidfuzz import fuzz, process

from crm.models.fields import Folded, folded_field
from importexport import errors
from importexport.columns.references import Reference, can_create, widget_of
from importexport.engine.create_missing import entity_of
from importexport.engine.resource import EntityResource
from importexport.files.column_hints import column_hints
from importexport.history.row_log import LoggedRow
from importexport.models import ImportRun, RejectedRow, RowChange
from importexport.resources import RESOURCES

#: The maximum number of names to look up per column and of suggestions per name, and the minimum similarity in per
#: cent.
WANTED, SUGGESTED, ALIKE = 200, 3, 80
NAMES_AT_ONCE = 5_000
#: The maximum number of rejected rows to collect names from.
ROWS = 20_000
#: The maximum number of comparisons per column: about two seconds of work.
COMPARED = 3_000_000


class Place(NamedTuple):
    """Where to find names: a model and the matching key of its name field."""

    model: type[models.Model]
    key: str

    @property
    def folded(self) -> Folded:
        """The matching key."""
        return folded_field(self.model, self.key)


@transaction.atomic
def suggestions(run: ImportRun) -> dict[str, dict[str, list[str]]]:
    """Return suggestions for the names that a plan did not find: column → folded name → names, best first.

    A name that would be created is one of them: it may be a slip as well.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for column, wanted in wanted_names(run).items():
        place = place_of(column, RESOURCES[run.entity])
        if place:
            found[column] = nearest(list(wanted), place, run)
    return {column: {name: near for name, near in names.items() if near} for column, names in found.items() if names}


def place_of(column: str, resource: type[EntityResource]) -> Place | None:
    """Return where to find the names of a column: in the model it refers to, or in the records its key matches."""
    widget = resource.fields[column].widget if column in resource.fields else None
    if isinstance(widget, Reference):
        return Place(widget.model, widget.key)
    keys = {key.column: key.stored for key in resource.keys}
    return Place(resource._meta.model, keys[column]) if column in keys else None


def wanted_names(run: ImportRun) -> dict[str, dict[str, None]]:
    """Return the folded names that a plan did not find, by column, in file order."""
    wanted: dict[str, dict[str, None]] = {}
    rejected = RejectedRow.objects.of(run).with_error(code="not_found").order_by("number").iterator(chunk_size=500)
    for row in chain(islice(rejected, ROWS), islice(new_references(run), ROWS)):
        for column, name in names_of(run, row):
            names = wanted.setdefault(column, {})
            if len(names) < WANTED:
                names[name] = None
    return wanted


def new_references(run: ImportRun) -> Iterator[RowChange]:
    """Yield the records that a run creates because rows name them, in file order."""
    found = RowChange.objects.of(run).filter(action="create").exclude(entity=run.entity).order_by("number", "id")
    return found.iterator(chunk_size=500)


def names_of(run: ImportRun, row: LoggedRow | RejectedRow | RowChange) -> Iterator[tuple[str, str]]:
    """Yield the columns and folded names that a row did not find, or of the record that is created for it."""
    if isinstance(row, RejectedRow) or (isinstance(row, LoggedRow) and row.action == "reject"):
        yield from names_not_found(run, row)
    elif row.action == "create" and row.entity != run.entity:
        for column, place in creating(RESOURCES[run.entity], row.entity):
            yield column, place.folded.fold(row.changes["name"][1])


def creating(resource: type[EntityResource], entity: str) -> Iterator[tuple[str, Place]]:
    """Yield the columns that create records of an entity (companies, stages), and where to find their names."""
    for name, column in resource.fields.items():
        if can_create(column) and entity_of(widget_of(column).model) == entity:
            yield name, Place(widget_of(column).model, widget_of(column).key)


def names_not_found(run: ImportRun, row: LoggedRow | RejectedRow) -> Iterator[tuple[str, str]]:
    """Yield the columns and folded names that were not found in a rejected row."""
    cells = dict(zip(run.header.get("columns", ()), row.cells, strict=False))
    for column, code, _ in row.errors:
        place = place_of(column, RESOURCES[run.entity]) if code == "not_found" else None
        if place and column in cells:
            yield column, place.folded.fold(cells[column])


def nearest(wanted: list[str], place: Place, run: ImportRun) -> dict[str, list[str]]:
    """Return the most similar names of the tenant's records for each of the folded names, or the first of them."""
    known = place.model._default_manager.filter(tenant=run.tenant).order_by()
    wanted = wanted[: max(COMPARED // max(known.count(), 1), 1)]
    best: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in wanted}
    for names in named(known, place):
        for name in wanted:
            for key, score, _ in process.extract(
                name, names.keys(), scorer=fuzz.WRatio, limit=SUGGESTED, score_cutoff=ALIKE
            ):
                # The same name belongs to a record that differs in another part of the row's key.
                if key != name:
                    best[name][key] = (score, names[key])
    return {name: [text for _, text in sorted(near.values(), reverse=True)[:SUGGESTED]] for name, near in best.items()}


def named(records: models.QuerySet, place: Place) -> Iterator[dict[str, str]]:
    """Yield the names of records by their folded form, in batches."""
    pairs = records.values_list(place.key, place.folded.source).iterator(chunk_size=NAMES_AT_ONCE)
    while batch := dict(islice(pairs, NAMES_AT_ONCE)):
        yield batch


def sentences(run: ImportRun, row: LoggedRow | RejectedRow) -> list[str]:
    """Return the error messages of a rejected row, with suggestions."""
    names = meant(run, row)
    return [
        errors.did_you_mean(sentence, names[column]) if code == "not_found" and column in names else sentence
        for column, code, sentence in row.errors
    ]


def meant(run: ImportRun, row: LoggedRow | RejectedRow | RowChange) -> dict[str, list[str]]:
    """Return the suggestions for the names that a row did not find, or of the record created for it, by column."""
    if not run.suggestions:
        return {}
    found = {column: run.suggestions.get(column, {}).get(name) for column, name in names_of(run, row)}
    return {column: names for column, names in found.items() if names}


def about_new(run: ImportRun, row: LoggedRow | RowChange) -> str:
    """Return a message about a record that is created for a row and resembles an existing one, else ""."""
    for column, names in meant(run, row).items():
        noun = widget_of(RESOURCES[run.entity].fields[column]).noun
        return errors.at_row(row.number, [errors.did_you_mean(errors.is_new(noun, row.changes["name"][1]), names)])
    return ""


def all_about_new(run: ImportRun) -> Iterator[str]:
    """Yield the messages about records that are created for rows and resemble existing ones, in file order."""
    if not run.suggestions:
        return
    with transaction.atomic():
        yield from filter(None, (about_new(run, change) for change in new_references(run)))


def columns_meant(run: ImportRun) -> dict[str, str]:
    """Return the ignored columns of a run's file that may mean a column that the file lacks."""
    return column_hints(run.header.get("ignored", []), run.header.get("missing", []), run.entity)
