"""Purges what is too old, and creates and drops the months of the row log, for as long as a worker runs."""

import logging
import threading
import time

from django.db import Error, close_old_connections, connections

from importexport.runs import log_retention, retention
from importexport.runs.exports import purge_exports
from importexport.webhooks.delivering import purge_deliveries

logger = logging.getLogger("rally.jobs")
#: Seconds before the first time, which a worker that has just started has more important things to do in, and between
#: two times.
FIRST, PACE = 60.0, 3600.0


class Upkeep(threading.Thread):
    """Purges and drops for as long as the process lives. Several processes do not get in each other's way."""

    def __init__(self) -> None:
        super().__init__(name="upkeep", daemon=True)

    def run(self) -> None:
        """Do it every PACE seconds, also while the database is unavailable."""
        pause = FIRST
        while True:
            time.sleep(pause)
            pause = PACE
            try:
                close_old_connections()
                keep_up()
            except Error as error:
                logger.warning("Old imports cannot be purged at the moment: %s", error)
            except Exception:
                logger.exception("Bug while purging old imports")
            finally:
                connections.close_all()


def keep_up() -> None:
    """Discard previews that were left alone, purge what is old, and drop the months that nothing is kept of."""
    retention.discard_left_plans()
    retention.purge()
    purge_exports()
    purge_deliveries()
    for name in log_retention.drop_months():
        logger.info("Dropped %s, of which nothing is kept any more", name)
