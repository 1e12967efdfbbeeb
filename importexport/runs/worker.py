"""A worker: takes jobs from the queue, a few at once, until it is asked to stop."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

from django.conf import settings
from django.db import connection, connections
from procrastinate import BaseRetryStrategy, Blueprint, JobContext, RetryDecision, RetryStrategy
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.jobs import Job

from importexport import errors
from importexport.db import (
    UNAVAILABLE,
    Busy,
    check_direct_settings,
    is_pooled,
    patience,
    second_connection,
)
from importexport.engine.observers import Progress
from importexport.history.recorder import Stopped
from importexport.models import ImportRun
from importexport.runs import exports, occurrences, tasks, told
from importexport.runs.lanes import POLL, give_threads, run_lanes
from importexport.runs.queue import ATTEMPT_TASK, EXPORT_TASK, TASK, is_anything_due
from importexport.runs.rescue import Rescue, when_again
from importexport.runs.schedules import start_due
from importexport.runs.timetable import Timetable
from importexport.runs.upkeep import Upkeep
from importexport.webhooks import delivering, events

logger = logging.getLogger("rally.jobs")
#: Seconds before the work begins anew; they double as long as it does not last WELL seconds.
FIRST_PAUSE, LONGEST_PAUSE, WELL = 0.5, 5.0, 5.0

POOL_ONLY = (
    "DATABASE_URL is a connection pool's, and RALLY_DIRECT_DATABASE_URL is not set: runs begin up to a second later,"
    " and an import needs two places in the pool at once."
)

blueprint = Blueprint()


class TryAgain(BaseRetryStrategy):
    """Jobs are done again that a stop of the worker or an outage of the database has interrupted."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to do a job again, or None if it is done."""
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, UNAVAILABLE):
            return RetryDecision(retry_at=when_again(job))
        return None


@blueprint.task(name=TASK, pass_context=True, retry=TryAgain())
def run(context: JobContext, *, run_id: str) -> None:
    """Plan or apply a run, depending on its status."""

    end = time.monotonic() + settings.RALLY_RUN_TIMEOUT

    def stop_if_asked(*_: int) -> None:
        if context.should_abort():
            raise tasks.Interruption
        if time.monotonic() > end:
            raise Stopped(errors.ran_too_long(settings.RALLY_RUN_TIMEOUT))

    with job():
        if found := ImportRun.objects.select_related("tenant").filter(pk=run_id).first():
            work_on(found, stop_if_asked)


@blueprint.task(name=EXPORT_TASK, pass_context=True, retry=TryAgain())
def export(context: JobContext, *, export_id: str) -> None:
    """Make the file of an export."""

    def stop_if_asked() -> None:
        if context.should_abort():
            raise tasks.Interruption

    with job():
        exports.make(UUID(export_id), stop_if_asked)


@blueprint.task(name=ATTEMPT_TASK, pass_context=True, retry=TryAgain())
def attempt(context: JobContext, *, tenant: str, schedule_id: str, attempt: str) -> None:
    """Make an attempt to fetch or send the file of a schedule."""

    def stop_if_asked() -> None:
        if context.should_abort():
            raise tasks.Interruption

    with job():
        occurrences.carry_out(
            tenant_id=int(tenant), schedule_id=int(schedule_id), attempt=UUID(attempt), check=stop_if_asked
        )


@blueprint.task(name=told.TASK, retry=RetryStrategy(max_attempts=3, wait=60))
def tell(*, run_id: str) -> None:
    """Send the message that a run has ended."""
    with job():
        try:
            told.send_message(UUID(run_id))
        except OSError as error:
            logger.warning("A message about a run could not be sent: %s", error)
            raise


@blueprint.task(name=events.TASK, retry=TryAgain())
def deliver(*, tenant_id: int, delivery_id: str, attempts: int) -> None:
    """Make an attempt to deliver a message to a webhook."""
    with job():
        delivering.deliver(tenant_id=tenant_id, delivery_id=UUID(delivery_id), attempts=attempts)


@contextlib.contextmanager
def job() -> Iterator[None]:
    """Context of every job: procrastinate does it again if the worker has to stop, and no connection is left open."""
    try:
        yield
    except tasks.Interruption:
        raise JobAborted from None
    finally:
        connections.close_all()


def work_on(run: ImportRun, progress: Progress) -> None:
    """Plan or apply a run unless another process does, and have its user told."""
    try:
        with tasks.held(run) as hold:
            if hold:
                carry_out(run, hold, progress)
    except UNAVAILABLE:
        # The run keeps its status, and is resumed later.
        fields = {"fields": tasks.log_fields(run)}
        logger.exception("Database or storage unavailable during a background run", extra=fields)
        raise
    except tasks.Interruption:
        raise
    except Exception:  # noqa: BLE001, S110 - carry_out has logged it and stored it with the run
        pass
    told.plan_message(run.pk)


def carry_out(run: ImportRun, hold: tasks.Hold, progress: Progress) -> None:
    """Plan or apply a run; one that waits for somebody else for too long is stopped."""
    try:
        with patience(wait=settings.RALLY_RUN_TIMEOUT, idle=tasks.IDLE):
            tasks.carry_out(run.pk, hold, progress=progress)
    except Busy:
        run.refresh_from_db()
        tasks.stop(run, errors.ran_too_long(settings.RALLY_RUN_TIMEOUT))


def work(*, until_empty: bool = False, beside: int | None = None) -> None:
    """Work on jobs until a SIGTERM or SIGINT, or with ``until_empty`` until none is left that is due.

    ``beside`` is the id of the parent process, with which the work ends. Raises OperationalError or ConnectorException
    if the database is unavailable at the start, or with ``until_empty`` at any time. Otherwise the work begins anew
    when the database is back.
    """
    reach_database()
    with closing(connection):
        check_direct_settings()
    if until_empty:
        with closing(connection):
            start_due()
        asyncio.run(_work_until_empty())
        return
    lookouts = [Rescue(), Timetable()]
    for thread in (*lookouts, Upkeep()):
        thread.start()
    asyncio.run(_keep_working(beside, listens=hears_notifications()))
    for lookout in lookouts:
        lookout.stop()


def reach_database() -> None:
    """Raise OperationalError if the database is unavailable. Starts the embedded server."""
    with closing(connection):
        connection.ensure_connection()


def hears_notifications() -> bool:
    """Whether PostgreSQL can wake the worker. Through a connection pool, it would wake whoever has the session then:
    the worker only looks into the queue every POLL seconds."""
    with closing(second_connection()) as own:
        if not is_pooled(own):
            return True
    logger.warning(POOL_ONLY)
    return False


async def _work_until_empty() -> None:
    give_threads()
    asked = asyncio.Event()
    with _set_by_signals(asked):
        await run_lanes(blueprint, asked, until_empty=True)
        while not asked.is_set() and await asyncio.to_thread(_is_anything_due):
            # The last job of one queue may have been in the way of one of the other.
            await run_lanes(blueprint, asked, until_empty=True)


def _is_anything_due() -> bool:
    with closing(connection):
        return is_anything_due()


async def _keep_working(beside: int | None, *, listens: bool) -> None:
    """Work until asked to stop, and begin anew whenever the connection to the database was lost, or when others have
    taken this worker for dead, because it was frozen or cut off."""
    give_threads()
    asked, pause = asyncio.Event(), FIRST_PAUSE
    with _set_by_signals(asked):
        watch = asyncio.create_task(_set_without(beside, asked))
        while not asked.is_set():
            start = time.monotonic()
            try:
                await asyncio.to_thread(reach_database)
                await run_lanes(blueprint, asked, listens=listens)
            except (*UNAVAILABLE, ConnectorException) as error:
                reason = " ".join(str(error.__cause__ or error).split())
                logger.warning("The worker begins anew, because the queue is unavailable: %s", reason)
            pause = FIRST_PAUSE if time.monotonic() - start > WELL else min(2 * pause, LONGEST_PAUSE)
            await _wait(asked, pause)
        watch.cancel()


async def _wait(asked: asyncio.Event, seconds: float) -> None:
    """Wait for some seconds, or until asked to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asked.wait(), seconds)


async def _set_without(parent: int | None, asked: asyncio.Event) -> None:
    """Ask to stop when the parent process has ended."""
    if parent is not None:
        while os.getppid() == parent:
            await asyncio.sleep(POLL)
        asked.set()


@contextlib.contextmanager
def _set_by_signals(asked: asyncio.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
