"""The lanes of a worker: workers of procrastinate, one for each queue, in one event loop, which end together."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from procrastinate import App, Blueprint
from procrastinate.jobs import DeleteJobCondition
from procrastinate.worker import Worker

from importexport.db import WatchedConnector, libpq_parameters
from importexport.db.leases import TIMES
from importexport.runs.queue import AT_ONCE
from importexport.webhooks import events

#: Seconds between two looks into the queue if no notification wakes the worker.
POLL = 1.0
#: The same for jobs that are to be cancelled. A notification tells of those as well, and no time is due.
POLL_NOTIFIED = 5.0
#: Seconds that jobs have to finish when the worker is asked to stop. Then they end after their current batch.
GRACE = 5.0
#: The queues, and how many jobs of each a worker does at once.
LANES = {**AT_ONCE, **events.AT_ONCE}
PLACES = sum(LANES.values())
#: Threads for what is not a job, such as looking up the host of the database.
SPARE_THREADS = 4


def give_threads() -> None:
    """Let the running event loop have a thread for each job. By default there would be too few on a small machine, and
    webhooks would hold up imports."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(PLACES + SPARE_THREADS))


async def run_lanes(
    blueprint: Blueprint, asked: asyncio.Event, *, until_empty: bool = False, listens: bool = False
) -> None:
    """Work on the jobs of a blueprint's tasks until asked to stop, or with ``until_empty`` until each queue is empty.

    Raises OperationalError or ConnectorException if the database is unavailable at the start, and whenever it was: a
    job of which procrastinate could not note that it is done would block the jobs after it.
    """
    connector = WatchedConnector(kwargs=libpq_parameters(), min_size=1, max_size=PLACES + 2 * len(LANES))
    # An app of its own: the one of procrastinate.contrib.django stores jobs in Django's transactions, also here.
    app = App(connector=connector)
    app.add_tasks_from(blueprint, namespace="")
    async with app.open_async():
        workers = [lane(app, name, until_empty=until_empty, listens=listens) for name in LANES]
        await run_together(workers, [asked, connector.has_failed], until_empty=until_empty)
    if connector.error and not asked.is_set():
        raise connector.error


def lane(app: App, name: str, *, until_empty: bool, listens: bool) -> Worker:
    """Return the worker of a queue."""
    return Worker(
        app,
        queues=[name],
        name=name,
        concurrency=LANES[name],
        wait=not until_empty,
        delete_jobs=DeleteJobCondition.ALWAYS,
        fetch_job_polling_interval=POLL,
        abort_job_polling_interval=POLL_NOTIFIED if listens else POLL,
        update_heartbeat_interval=settings.RALLY_LEASE / TIMES,
        stalled_worker_timeout=settings.RALLY_LEASE,
        shutdown_graceful_timeout=GRACE,
        listen_notify=listens,
        install_signal_handlers=False,
    )


async def run_together(workers: Sequence[Worker], ends: Sequence[asyncio.Event], *, until_empty: bool) -> None:
    """Run lanes until one of the events, or until a lane fails, whose error is raised. One that waits for jobs also
    ends, without an error, when it could not say that it is alive; the others must not go on without it."""
    lanes = {asyncio.create_task(worker.run(), name=worker.worker_name): worker for worker in workers}
    waits = [asyncio.create_task(event.wait()) for event in ends]
    running = set(lanes)
    while running and not any(wait.done() for wait in waits):
        done, _ = await asyncio.wait([*running, *waits], return_when=asyncio.FIRST_COMPLETED)
        running -= done
        if not until_empty or any(lane.exception() for lane in done & lanes.keys()):
            break
    await stop(lanes)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*lanes)


async def stop(lanes: dict[asyncio.Task[None], Worker]) -> None:
    """Have the lanes finish their jobs, and wait until they have ended.

    They are asked again and again: a lane forgets what it was asked before its first step. Cancelling its task instead
    may be without effect as well, if it happens while a connection is opened.
    """
    while running := {task for task in lanes if not task.done()}:
        for task in running:
            lanes[task].stop()
        await asyncio.wait(running, timeout=POLL)
