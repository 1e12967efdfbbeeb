"""Starts schedules when they are due, for as long as a worker runs."""

import logging
import threading

from django.db import Error, close_old_connections, connections

from importexport.runs.schedules import start_due

logger = logging.getLogger("rally.jobs")
#: Seconds between two looks at what is due.
PACE = 5.0


class Timetable(threading.Thread):
    """Starts what is due for as long as the process lives. Several processes do not get in each other's way."""

    def __init__(self) -> None:
        super().__init__(name="timetable", daemon=True)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Look every PACE seconds, also while the database is unavailable."""
        while not self._is_over.wait(PACE):
            try:
                close_old_connections()
                start_due()
            except Error as error:
                logger.warning("Schedules cannot be started at the moment: %s", error)
                connections.close_all()
            except Exception:
                logger.exception("Bug while starting schedules")
        connections.close_all()

    def stop(self) -> None:
        """End the thread soon."""
        self._is_over.set()
