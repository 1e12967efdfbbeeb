"""Resumes runs whose process died or lost its database connection."""

import contextlib
import datetime as dt
import logging
import os
import threading
import uuid

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import Error, close_old_connections, connection, connections
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from importexport.history.recorder import note_interrupted
from importexport.models import ImportRun
from importexport.runs import tasks
from importexport.runs.queue import put_back

logger = logging.getLogger("rally.jobs")
#: Seconds between checks.
PACE = 2.0
#: Seconds before a run is resumed again; they double each time. A run that kills its process or fills the disk must
#: not do so in a tight loop. But it may not have been the run: after an outage of the database, none waits for long.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 15.0


def pause_after(attempts: int) -> float:
    """Return the seconds before a job is done again that has been interrupted so often before."""
    return min(FIRST_PAUSE * 2 ** min(attempts, 10), LONGEST_PAUSE)


class Rescue(threading.Thread):
    """Looks after abandoned runs for as long as the worker lives. Several workers may do so at once."""

    def __init__(self) -> None:
        super().__init__(name="rescue", daemon=True)
        self._left: set[uuid.UUID] = set()
        self._is_over = threading.Event()

    def run(self) -> None:
        """Check every PACE seconds, also while the database is unavailable."""
        is_away = False
        while not self._is_over.wait(PACE):
            try:
                close_old_connections()
                self.look()
                end_if_stuck()
                is_away = False
            except (Error, ConnectorException) as error:
                if not is_away:
                    logger.warning("Abandoned runs cannot be resumed while the database is unavailable: %s", error)
                is_away = True
                connections.close_all()
            except Exception:
                logger.exception("Bug while looking for abandoned runs")
        connections.close_all()

    def stop(self) -> None:
        """End the thread soon."""
        self._is_over.set()

    def look(self) -> None:
        """Put the jobs of dead workers back in the queue, and runs without a job that were abandoned in the previous
        check as well: a new run may not be worked on yet. An import without a plan is noted as interrupted."""
        take_up_stalled_jobs()
        left = {run.pk: run for run in tasks.unattended()}
        for run_id in left.keys() & self._left:
            take_up(left[run_id])
        self._left = set(left)


def end_if_stuck() -> None:
    """End the process if jobs are due for long and nobody does any: it no longer takes jobs after its connection was
    lost at an unlucky moment. Whoever started it starts it again."""
    with connection.cursor() as cursor:
        cursor.execute(STUCK, [DUE_FOR_LONG])
        (is_stuck,) = cursor.fetchone()
    if is_stuck:
        logger.error("The worker ends, because it takes no jobs although some are due")
        os._exit(1)


#: Seconds after which a job that is due should have been begun if no other is being done.
DUE_FOR_LONG = 10
STUCK = """
SELECT EXISTS (
    SELECT FROM procrastinate_jobs AS job WHERE status = 'todo' AND coalesce(
        scheduled_at, (SELECT max(at) FROM procrastinate_events AS event WHERE event.job_id = job.id)
    ) < clock_timestamp() - make_interval(secs => %s)
) AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing')
"""


def take_up(run: ImportRun) -> None:
    """Put a run that nobody works on in the queue, or note that it was interrupted if its file is gone."""
    if run.status == ImportRun.Status.RUNNING:
        note_interrupted(run.pk)
    else:
        put_back(run)


def when_again(job: Job) -> dt.datetime:
    """Return when a job is done again that has been interrupted."""
    return timezone.now() + dt.timedelta(seconds=pause_after(job.attempts) if job.attempts else 0)


@async_to_sync
async def take_up_stalled_jobs() -> None:
    """Put the jobs of workers that are taken for dead back in the queue. Another worker may do so at the same time."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.RALLY_LEASE):
        # Somebody else was quicker if it is not found.
        with contextlib.suppress(ConnectorException):
            await manager.retry_job(job, retry_at=when_again(job))
    await manager.prune_stalled_workers(settings.RALLY_LEASE)
