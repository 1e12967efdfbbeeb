"""Undoes a run by reverting what it did to records, unless they have been edited since.

An undo is itself a run with a row log, so it can be undone as well. It compares everything with the current records, so
an import that is already undone completely or partly needs no special case.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from importexport.db import by_index, is_clash, lock_entities, retry
from importexport.engine.observers import Progress
from importexport.engine.outcome import Outcome
from importexport.history.recorder import Recorder
from importexport.history.revert import MODELS, Reverter, columns_of
from importexport.history.undone import note_undone
from importexport.models import ImportRun


class Undo:
    """Undoes a run in the current transaction. With ``aside`` (see Recorder) it is a plan, to be rolled back."""

    def __init__(self, run: ImportRun, *, aside: Any = None) -> None:
        self.run = run
        self._recorder = Recorder(run, aside=aside)
        self._reverter = Reverter(run, is_plan=self._recorder.is_plan)
        self._counts = dict.fromkeys(("create", "update", "delete", "conflict", "unchanged"), 0)

    def carry_out(self, progress: Progress | None = None) -> None:
        """Undo the run; raise PlanChanged if the result differs from its plan."""
        lock_entities(self.run.tenant, {"companies", self.run.entity}, name=str(self.run.pk))
        with connection.cursor() as cursor:
            # A reference to a deleted record has to fail here rather than at the end of the transaction.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._recorder.begin()
        with connection.cursor() as cursor, by_index(cursor):
            self._revert(progress)
        self._end()

    def _revert(self, progress: Progress | None) -> None:
        done = 0
        for outcome in self._outcomes():
            self._count(outcome)
            # The statement that deletes a record also writes it to the row log.
            self._recorder.add(outcome, written="" if self._recorder.is_plan else "delete")
            done += outcome.count("delete") + outcome.count("unchanged") + len(outcome.changes)
            if progress:
                progress(done, 0)

    def _outcomes(self) -> Iterator[Outcome]:
        own = self.run.entity
        others = [entity for entity in MODELS if entity != own]
        # Records of other entities are recreated before those that refer to them, and deleted after them. Keys are
        # released before they are used again.
        for entity in reversed(others):
            yield from self._reverter.recreate(entity)
        yield from self._reverter.delete(own)
        yield from self._reverter.restore(own)
        yield from self._reverter.recreate(own)
        for entity in others:
            yield from self._reverter.delete(entity)

    def _count(self, outcome: Outcome) -> None:
        for action in outcome.stretches:
            self._counts[action] += outcome.count(action)
        for change in outcome.changes:
            self._counts[change.action] += 1

    def _end(self) -> None:
        run = self.run
        run.counts = self._counts
        run.header = {"columns_of": {entity: columns_of(model) for entity, model in MODELS.items()}}
        run.imported = sum(self._counts[action] for action in ("create", "update", "delete"))
        run.skipped = self._counts["conflict"]
        run.total_rows = run.imported + run.skipped + self._counts["unchanged"]
        self._recorder.end()
        if not self._recorder.is_plan:
            note_undone(run)


def undo(run: ImportRun, *, aside: Any = None, progress: Progress | None = None) -> None:
    """Carry out an undo in its own transaction; with ``aside``, only plan it.

    Retries if a concurrent edit refers to a record that is to be deleted. Raises PlanChanged if the result differs from
    the plan.
    """

    def attempt() -> None:
        with transaction.atomic():
            Undo(run, aside=aside).carry_out(progress)
            if aside:
                transaction.set_rollback(True)

    retry(attempt, when=is_clash)
