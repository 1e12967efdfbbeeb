"""Resumes runs automatically when their process died or lost its database connection."""

import logging
import threading
import time
import uuid

from django.db import Error, close_old_connections, connections

from importexport.models import ImportRun
from importexport.runs import tasks

logger = logging.getLogger("rally.jobs")
#: Seconds between checks.
PACE = 1.0
#: Seconds before a run is resumed again; they double each time. A run that kills its process or fills the disk must
#: not do so in a tight loop. But it may not have been the run: after an outage of the database, none waits for long.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 15.0


class Caretaker(threading.Thread):
    """Resumes abandoned runs for as long as the process lives."""

    def __init__(self) -> None:
        super().__init__(name="caretaker", daemon=True)
        self._left: set[uuid.UUID] = set()
        self._pauses = Pauses()

    def run(self) -> None:
        """Check every PACE seconds, also while the database is unavailable."""
        is_away = False
        while True:
            try:
                close_old_connections()
                self.look()
                is_away = False
            except Error as error:
                if not is_away:
                    logger.warning("Abandoned runs cannot be resumed while the database is unavailable: %s", error)
                is_away = True
                connections.close_all()
            except Exception:
                logger.exception("Bug while looking for abandoned runs")
            time.sleep(PACE)

    def look(self) -> None:
        """Resume each run that was abandoned in the previous check as well: a new run may not have its lock yet. A
        running import is not resumed, but noted as interrupted."""
        left = tasks.unattended()
        due = self._pauses.due(left & self._left, now=time.monotonic())
        for run in ImportRun.objects.filter(pk__in=due).only("tenant", "entity").order_by("created_at"):
            tasks.start(run)
        self._left = left


class Pauses:
    """When each run may be resumed again."""

    def __init__(self) -> None:
        #: Run → when it may be resumed again, and the pause after that.
        self._known: dict[uuid.UUID, tuple[float, float]] = {}

    def due(self, runs: set[uuid.UUID], *, now: float) -> list[uuid.UUID]:
        """Return which of the runs may be resumed now (in seconds of a clock), and note that they are."""
        # A run that has not been abandoned again for a whole pause after it was due is finished.
        self._known = {run: (due, pause) for run, (due, pause) in self._known.items() if now < due + pause}
        found = [run for run in runs if now >= self._known.get(run, (now, 0.0))[0]]
        for run in found:
            _, pause = self._known.get(run, (now, FIRST_PAUSE))
            self._known[run] = now + pause, min(2 * pause, LONGEST_PAUSE)
        return found
