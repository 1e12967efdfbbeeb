"""What can be changed about a group of errors, offered on the page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from importexport import errors
from importexport.admin import labels
from importexport.engine.resource import EntityResource
from importexport.history.suggestions import place_of
from importexport.models import ImportRun, RunFix
from importexport.resources import RESOURCES
from importexport.runs.fixes import checking, making
from importexport.runs.fixes.making import ErrorGroup

#: How many groups have their forms on a page; others have them when they are chosen.
OFFERED = 30


@dataclass(frozen=True)
class Offer:
    """What can be changed about a group: ``choices`` for its value, or any text; ``meant``, names that exist; whether
    its cells can be left blank, and a company be created. ``is_made`` says that something has been changed, and
    ``is_wider`` that a change is applied to other groups as well."""

    group: ErrorGroup
    rows: str
    may_replace: bool
    may_blank: bool
    may_create: bool
    choices: Sequence[str]
    meant: Sequence[str]
    is_made: bool
    is_wider: bool
    id: str

    @property
    def is_empty(self) -> bool:
        """Whether cells are empty, and would be filled."""
        return self.group.code == "required"


class Offers:
    """The offers for the groups of a run that waits for confirmation."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._resource: EntityResource = checking.resource_of(run)
        self._optional = making.optional_columns(run)
        #: Rows by code and column.
        self._rows: Counter[tuple[str, str]] = Counter()
        for group in run.groups:
            self._rows[group["code"], group["column"]] += group["rows"]
        kept = RunFix.objects.filter(tenant=run.tenant_id, run=run).exclude(state=RunFix.State.REVOKED)
        about = kept.exclude(kind=RunFix.Kind.CELL).values_list("code", "column", "sentence")
        self._made = {ErrorGroup(*found) for found in about if found[0]} if run.has_fixes else set()

    def of(self, group: dict[str, Any], number: int, is_chosen: bool) -> Offer | None:
        """Return the offer for a group, which is the ``number``-th; None if nothing can be changed about it, or for a
        later one that the page is not about."""
        found = making.group_of(group)
        if found.code == "left_out" or (number > OFFERED and not is_chosen):
            return None
        column = self._resource.stored.get(found.column)
        may_replace = making.can_replace(found) and column is not None
        rows = group["rows"] if found.sentence else self._rows[found.code, found.column]
        return Offer(
            group=found,
            rows=labels.rows(rows),
            is_wider=rows > group["rows"],
            may_replace=may_replace,
            may_blank=making.can_blank(found, self._optional),
            may_create=making.creates(found, column),
            choices=column.target.choices if may_replace and column else (),
            meant=self._meant(found) if may_replace else (),
            is_made=any(made.covers(found) for made in self._made),
            id=f"group-{number}",
        )

    def _meant(self, group: ErrorGroup) -> Sequence[str]:
        """Return the names that exist and resemble the one that the rows of a group have."""
        names = self._run.suggestions.get(group.column, {})
        place = place_of(group.column, RESOURCES[self._run.entity]) if names else None
        name = errors.name_not_found(group.sentence)
        return names.get(place.folded.fold(name), ()) if place and name else ()
