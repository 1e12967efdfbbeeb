"""What a run writes down of itself while it works, whether it imports or undoes: its ledger, and how it ends."""

from typing import Any

from django.db import connection
from django.utils import timezone

from importexport.ledger import clear_ledger, write_ledger
from importexport.models import ImportRun
from importexport.outcome import Outcome
from importexport.plans import PlanChanged, PlanDigest


class Settled(Exception):
    """Somebody else has carried the run out in the meantime."""


class Keeper:
    """Keeps what becomes of a run's rows in the run's own transaction: what is kept is true even after a crash.

    What a plan finds is written over ``aside``, a connection of its own, for the plan itself is rolled back. Where the
    run is a plan that is applied, its end is refused with PlanChanged if it did anything else.
    """

    def __init__(self, run: ImportRun, *, aside: Any = None) -> None:
        self.run = run
        self.is_plan = aside is not None
        self.to = aside or connection
        self._digest = PlanDigest() if self.is_plan or run.plan_digest else None

    def begin(self) -> None:
        """Forget what an earlier try or plan has written; raise Settled where all is done by now.

        Who loses the connection that says that they are at a run, and not the one by which they import, is followed by
        somebody else. The second of them to get the entity's lock comes here when the first has ended.
        """
        if not self.is_plan and ImportRun.objects.filter(pk=self.run.pk, status=ImportRun.Status.DONE).exists():
            raise Settled
        clear_ledger(self.run.pk, self.to)

    def add(self, outcome: Outcome, *, written: str = "") -> None:
        """Keep what became of some rows; those of the action ``written`` are in the ledger already."""
        if self._digest:
            self._digest.add(outcome)
        write_ledger(self.run, outcome.without(written), to=self.to, is_plan=self.is_plan)

    def end(self) -> None:
        """Note that all is planned, or done; raise PlanChanged where it is not what was planned."""
        digest = self._digest.hexdigest() if self._digest else ""
        if self.is_plan:
            self.run.plan_digest = digest
            return
        if digest != self.run.plan_digest:
            raise PlanChanged
        self.run.status, self.run.finished_at = ImportRun.Status.DONE, timezone.now()
        self.run.save()
