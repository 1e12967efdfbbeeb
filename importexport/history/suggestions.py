"""Suggestions for names that were not found.

Compares them with all of the tenant's names, a few thousand at a time, using rapidfuzz. Unlike pg_trgm, it needs no
extension on the database server.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from django.db import models
from rapidfuzz import fuzz, process

from crm.models.fields import Folded, folded_field
from importexport import errors
from importexport.columns.references import Reference
from importexport.engine.resource import EntityResource
from importexport.history.row_log import LoggedRow
from importexport.models import ImportRun, RejectedRow
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


def suggestions(run: ImportRun) -> dict[str, dict[str, list[str]]]:
    """Return suggestions for the names that a plan did not find: column → folded name → names, best first."""
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
    rows = run.rejected_rows.with_error(code="not_found").order_by("number")
    for row in islice(rows.iterator(chunk_size=500), ROWS):
        for column, name in names_not_found(run, row):
            names = wanted.setdefault(column, {})
            if len(names) < WANTED:
                names[name] = None
    return wanted


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


def meant(run: ImportRun, row: LoggedRow | RejectedRow) -> dict[str, list[str]]:
    """Return the suggestions for the names not found in a rejected row, by column."""
    if not run.suggestions:
        return {}
    found = {column: run.suggestions.get(column, {}).get(name) for column, name in names_not_found(run, row)}
    return {column: names for column, names in found.items() if names}
