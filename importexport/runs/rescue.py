"""Resumes runs whose process died or lost its database connection."""

import contextlib
import datetime as dt
import logging
import os
import time
import uuid

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from importexport.history.recorder import note_interrupted
from importexport.models import ImportRun
from importexport.runs import tasks
from importexport.runs.lookout import Lookout
from importexport.runs.queue import is_left_undone, put_back

logger = logging.getLogger("rally.jobs")
#: Seconds between checks.
PACE = 2.0
#: Seconds for which jobs may be due without any being done.
PATIENCE = 20.0
#: Seconds before a run is resumed again, after the first time, which is at once; they double each time. A run that
#: kills its process or fills the disk must not do so in a tight loop. But it may not have been the run: after an outage
#: of the database, none waits for long.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


def pause_after(attempts: int) -> float:
    """Return the seconds before a job is done again that has been interrupted so often before."""
    return min(FIRST_PAUSE * 2 ** min(attempts, 10), LONGEST_PAUSE)


class Rescue(Lookout):
    """Looks after abandoned runs."""

    def __init__(self) -> None:
        doing = "looking for abandoned runs"
        super().__init__("rescue", pace=PACE, cannot="Abandoned runs cannot be resumed", doing=doing)
        self._left: set[uuid.UUID] = set()
        self._stuck = StuckFor()

    def work(self) -> None:
        self.look()
        self._end_if_stuck()

    def _end_if_stuck(self) -> None:
        """End the process if it no longer takes jobs, as after a connection that was lost at an unlucky moment; whoever
        started it starts it again."""
        if self._stuck.look(is_left_undone(), now=time.monotonic()) >= PATIENCE:
            logger.error("The worker ends, because it takes no jobs although some are due")
            os._exit(1)

    def look(self) -> None:
        """Put the jobs of dead workers back in the queue, and runs without a job that were abandoned in the previous
        check as well: a new run may not be worked on yet. An import without a plan is noted as interrupted."""
        take_up_stalled_jobs()
        left = {run.pk: run for run in tasks.unattended()}
        for run_id in left.keys() & self._left:
            take_up(left[run_id])
        self._left = set(left)


class StuckFor:
    """How long jobs have been left undone at every look: between two jobs, and at the start, they are for a moment."""

    def __init__(self) -> None:
        self._since: float | None = None

    def look(self, is_left_undone: bool, *, now: float) -> float:
        """Note a look at a time, in seconds of a clock; return for how many seconds jobs have been left undone."""
        if not is_left_undone:
            self._since = None
        elif self._since is None:
            self._since = now
        return 0.0 if self._since is None else now - self._since


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
