"""Threads of a worker that look at something again and again."""

import logging
import threading

from django.db import Error, close_old_connections, connections
from procrastinate.exceptions import ConnectorException

logger = logging.getLogger("rally.jobs")


class Lookout(threading.Thread):
    """Looks every ``pace`` seconds for as long as the worker lives, also while the database is unavailable.

    ``cannot`` is what is said then, once, and ``doing`` what was done when a bug was met. Several workers may look at
    once.
    """

    def __init__(self, name: str, *, pace: float, cannot: str, doing: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pace, self._cannot, self._doing = pace, cannot, doing
        self._is_over = threading.Event()

    def run(self) -> None:
        """Look until the end."""
        is_away = False
        while not self._is_over.wait(self._pace):
            try:
                close_old_connections()
                self.work()
                is_away = False
            except (Error, ConnectorException) as error:
                if not is_away:
                    logger.warning("%s while the database is unavailable: %s", self._cannot, error)
                is_away = True
                connections.close_all()
            except Exception:
                logger.exception("Bug while %s", self._doing)
        connections.close_all()

    def work(self) -> None:
        """Look, and do what is to be done."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the thread soon."""
        self._is_over.set()
