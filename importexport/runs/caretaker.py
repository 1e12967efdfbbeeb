"""Takes up what processes that died, or lost their database, have left: by itself, without anybody looking."""

import logging
import threading
import time
import uuid

from django.db import Error, close_old_connections, connections

from importexport.runs import tasks

logger = logging.getLogger("rally.jobs")
#: Seconds between two looks.
PACE = 1.0
#: Seconds before a run that was left once more is taken up once more: each time twice as many. What ends a process
#: each time that it is tried, or fills the disk, must not do so without a pause.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0


class Caretaker(threading.Thread):
    """Looks after the runs that are said to be at work, as long as the process lives."""

    def __init__(self) -> None:
        super().__init__(name="caretaker", daemon=True)
        self._left: set[uuid.UUID] = set()
        self._pauses = Pauses()

    def run(self) -> None:
        """Look now and then; a database that is away is looked for again."""
        is_away = False
        while True:
            try:
                close_old_connections()
                self.look()
                is_away = False
            except Error as error:
                if not is_away:
                    logger.warning("Runs are not looked after, for the database is away: %s", error)
                is_away = True
                connections.close_all()
            except Exception as error:
                logger.error("bug", exc_info=error)  # noqa: TRY400 - the formatter wants it so
            time.sleep(PACE)

    def look(self) -> None:
        """Take up each run that nobody was at the last time, either: who has just begun one may not hold it yet."""
        left = tasks.unattended()
        for run_id in self._pauses.due(left & self._left, now=time.monotonic()):
            tasks.start(run_id)
        self._left = left


class Pauses:
    """Which runs may be taken up by now."""

    def __init__(self) -> None:
        #: Of each run that was taken up: when it may be again, and the pause after that.
        self._known: dict[uuid.UUID, tuple[float, float]] = {}

    def due(self, runs: set[uuid.UUID], *, now: float) -> list[uuid.UUID]:
        """Return those of some runs that may be taken up now (seconds of a clock), and count them as taken up."""
        # What has long been due and did not come again was done.
        self._known = {run: (due, pause) for run, (due, pause) in self._known.items() if now < due + pause}
        found = [run for run in runs if now >= self._known.get(run, (now, 0.0))[0]]
        for run in found:
            _, pause = self._known.get(run, (now, FIRST_PAUSE))
            self._known[run] = now + pause, min(2 * pause, LONGEST_PAUSE)
        return found
