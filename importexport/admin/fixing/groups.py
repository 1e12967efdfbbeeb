"""What can be changed about a group of errors, offered on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from importexport.admin import labels
from importexport.engine.resource import EntityResource
from importexport.history.suggestions import place_of
from importexport.models import ImportRun, RejectedRow, RunFix
from importexport.resources import RESOURCES
from importexport.runs.fixes import checking, making
from importexport.runs.fixes.making import ErrorGroup

#: The most groups for which names that may be meant are looked up.
LOOKED_UP = 30


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
        self._left = LOOKED_UP
        kept = RunFix.objects.filter(tenant=run.tenant_id, run=run).exclude(state=RunFix.State.REVOKED)
        about = kept.exclude(kind=RunFix.Kind.CELL).values_list("code", "column", "sentence")
        self._made = {ErrorGroup(*found) for found in about if found[0]} if run.has_fixes else set()

    def of(self, group: dict[str, Any], number: int) -> Offer | None:
        """Return the offer for a group, which is the ``number``-th; None if nothing can be changed about it."""
        found = making.group_of(group)
        if found.code == "left_out":
            return None
        column = self._resource.stored.get(found.column)
        may_replace = making.can_replace(found) and column is not None
        rows = found.rows(self._run)
        return Offer(
            group=found,
            rows=labels.rows(rows),
            is_wider=rows > group["rows"],
            may_replace=may_replace,
            may_blank=making.can_blank(found, self._optional),
            may_create=making.creates(self._run, found),
            choices=column.target.choices if may_replace and column else (),
            meant=self._meant(found) if may_replace else (),
            is_made=any(made.covers(found) for made in self._made),
            id=f"group-{number}",
        )

    def _meant(self, group: ErrorGroup) -> Sequence[str]:
        """Return the names that exist and resemble the one that the rows of a group have."""
        names = self._run.suggestions.get(group.column, {})
        if group.code != "not_found" or not names or not self._left:
            return ()
        self._left -= 1
        place = place_of(group.column, RESOURCES[self._run.entity])
        row = first_row(self._run, group)
        if place is None or row is None:
            return ()
        return names.get(place.folded.fold(checking.text_in(self._run, row, group.column)), ())


def first_row(run: ImportRun, group: ErrorGroup) -> RejectedRow | None:
    """Return the first rejected row of a group that is kept."""
    found = RejectedRow.objects.of(run).with_error(code=group.code, column=group.column, sentence=group.sentence)
    return found.order_by("number").first()
