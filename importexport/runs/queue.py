"""The queue of background work: jobs of procrastinate, in the same database as what they are about.

A job names a run and nothing else. It is stored in the transaction that changes the run's state, so that there is never
one without the other. What it does depends on the state at that time: a job of a run that is no longer at work does
nothing.
"""

from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from importexport import errors
from importexport.db import advisory_lock, store_job
from importexport.models import ImportRun, PreparedExport

#: The names of the tasks, which jobs are stored with.
TASK, EXPORT_TASK, ATTEMPT_TASK = "run", "export", "attempt"
#: The largest file in bytes, and the most records to be undone, of a small run.
SMALL_FILE, SMALL_UNDO = 1024 * 1024, 5_000
#: The queues, and how many jobs of each a worker does at once. Small runs never wait for the end of a large one.
SMALL, LARGE = "small", "large"
#: The queue of attempts to fetch or send the files of schedules: other servers, which may hang, hold up no imports.
TRANSFERS = "transfers"
AT_ONCE = {SMALL: 2, LARGE: 2, TRANSFERS: 3}
#: The first half of the lock that is held while a tenant's jobs are counted and put in order: an arbitrary number.
ORDER_LOCK = -7_625_773


class TooManyWaiting(Exception):
    """As many runs of the tenant wait in the queue as may. The text is for the user."""

    def __init__(self) -> None:
        super().__init__(errors.TOO_MANY_WAITING)


def enqueue(run: ImportRun) -> None:
    """Put a run in the queue that has just been marked as at work, in the same transaction.

    Raises TooManyWaiting, upon which the caller's transaction must be rolled back.
    """
    with transaction.atomic():
        check_number(run.tenant_id)
        put_back(run)


def put_back(run: ImportRun) -> None:
    """Put a run in the queue that has been there before, however many wait."""
    put(TASK, tenant_id=run.tenant_id, lane=lane_of(run), lock=run.entity, run_id=str(run.pk))


def enqueue_export(export: PreparedExport) -> None:
    """Put an export in the queue that has just been stored, in the same transaction. Raises like ``enqueue``."""
    with transaction.atomic():
        check_number(export.tenant_id)
        put(EXPORT_TASK, tenant_id=export.tenant_id, lane=LARGE, lock="export", export_id=str(export.pk))


def put_attempt(*, tenant_id: int, schedule_id: int, attempt: UUID) -> None:
    """Put an attempt to fetch or send a schedule's file in the queue. A tenant has one made at a time, so that its
    servers that hang leave places to other tenants."""
    which = {"tenant": str(tenant_id), "schedule_id": str(schedule_id), "attempt": str(attempt)}
    put(ATTEMPT_TASK, tenant_id=tenant_id, lane=TRANSFERS, lock="transfer", **which)


def has_job(name: str, value: UUID) -> bool:
    """Whether a job with this argument waits in the queue, or is being done."""
    with connection.cursor() as cursor:
        cursor.execute(HAS_JOB, [name, str(value)])
        return cursor.fetchone()[0]


def check_number(tenant_id: int) -> None:
    """Raise TooManyWaiting if as many jobs of a tenant wait as may; until the transaction ends, no others are added."""
    advisory_lock([ORDER_LOCK, tenant_id % 2**31])
    if waiting(tenant_id) >= errors.MOST_WAITING:
        raise TooManyWaiting


def put(task: str, *, tenant_id: int, lane: str, lock: str, **arguments: str) -> None:
    """Store a job. Of the jobs of a tenant with the same lock, one is done at a time."""
    with transaction.atomic():
        place = next_place(tenant_id, lane)
        store_job(task, arguments, queue=lane, lock=f"{lock_prefix(tenant_id)}{lock}", priority=-place)
        put_in_order(tenant_id)


def lane_of(run: ImportRun) -> str:
    """Return the queue for a run, by the size of its file or of the import that it undoes."""
    if run.kind == ImportRun.Kind.UNDO:
        return LARGE if run.parent and run.parent.total_rows > SMALL_UNDO else SMALL
    return LARGE if (run.size or 0) > SMALL_FILE else SMALL


def lock_prefix(tenant_id: int) -> str:
    """Return what the locks of a tenant's jobs begin with. The imports of an entity wait for each other anyway; a job
    that waits should not take a place."""
    return f"{tenant_id}/"


def waiting(tenant_id: int) -> int:
    """Return how many jobs of a tenant wait."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [f"{lock_prefix(tenant_id)}%"])
        return cursor.fetchone()[0]


def leave_queue(run: ImportRun) -> None:
    """Take a run out of the queue, if it waits there."""
    with connection.cursor() as cursor:
        cursor.execute(LEAVE, [f"{lock_prefix(run.tenant_id)}%", str(run.pk)])


def ahead_of(run: ImportRun) -> int | None:
    """Return how many jobs are done before a run in its queue, those of other tenants included; None if it does not
    wait there."""
    with connection.cursor() as cursor:
        cursor.execute(AHEAD, {"locks": f"{lock_prefix(run.tenant_id)}%", "run": str(run.pk)})
        found = cursor.fetchone()
    return found[0] if found else None


def next_place(tenant_id: int, lane: str) -> int:
    """Return the place of a tenant's next job in a queue, whose jobs are done in the order of their places.

    This is fair queueing: the jobs of a tenant have places one after the other, beginning with the place that the queue
    has come to. So tenants take turns, and nobody waits for all the files of somebody else who brought many.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEXT_PLACE, {"locks": f"{lock_prefix(tenant_id)}%", "lane": lane})
        return cursor.fetchone()[0]


def put_in_order(tenant_id: int) -> None:
    """Distribute a tenant's places among its waiting jobs: those of schedules come last, unless they have waited for
    ten minutes; plans come first, and small files before large ones, unless these have waited for a minute."""
    which: dict[str, str | int] = {
        "locks": f"{lock_prefix(tenant_id)}%",
        "tenant": tenant_id,
        "large": LARGE,
        "transfers": TRANSFERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(ORDER, which)


def is_anything_due() -> bool:
    """Whether a job waits that a worker could begin."""
    with connection.cursor() as cursor:
        cursor.execute(ANYTHING_DUE)
        return cursor.fetchone()[0]


def is_left_undone() -> bool:
    """Whether a job waits that a worker could begin, while none is being done."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_UNDONE)
        return cursor.fetchone()[0]


HAS_JOB = """
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args ->> %s = %s)
"""
LEAVE = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND lock LIKE %s AND args ->> 'run_id' = %s"
AHEAD = """
SELECT (
    SELECT count(*) FROM procrastinate_jobs AS other
    WHERE other.status = 'todo' AND other.queue_name = job.queue_name
    AND (other.priority > job.priority OR (other.priority = job.priority AND other.id < job.id))
)
FROM procrastinate_jobs AS job WHERE status = 'todo' AND lock LIKE %(locks)s AND args ->> 'run_id' = %(run)s
"""
WAITING = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND lock LIKE %s"
#: A priority is a place with a minus.
NEXT_PLACE = """
SELECT greatest(
    (SELECT max(-priority) + 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND lock LIKE %(locks)s),
    (SELECT coalesce(max(-priority) FILTER (WHERE status = 'doing'), min(-priority), 0)
        FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = %(lane)s)
)
"""
#: The oldest event of a job is that it was put in the queue.
ORDER = sql.SQL("""
WITH jobs AS (
    SELECT job.id, job.priority, job.queue_name, run.status AS state,
        coalesce(run.door = 'schedule', false) OR export.due_at IS NOT NULL
            OR job.queue_name = %(transfers)s AS is_scheduled,
        (SELECT min(at) FROM procrastinate_events AS event WHERE event.job_id = job.id) AS since
    FROM procrastinate_jobs AS job
    LEFT JOIN {runs} AS run ON run.tenant_id = %(tenant)s AND run.id = (job.args ->> 'run_id')::uuid
    LEFT JOIN {exports} AS export ON export.tenant_id = %(tenant)s AND export.id = (job.args ->> 'export_id')::uuid
    WHERE job.status = 'todo' AND job.lock LIKE %(locks)s
),
places AS (SELECT priority, row_number() OVER (ORDER BY priority DESC) AS number FROM jobs),
ordered AS (
    SELECT id, row_number() OVER (
        ORDER BY is_scheduled AND since > clock_timestamp() - interval '10 minutes',
            queue_name = %(large)s AND since > clock_timestamp() - interval '1 minute',
            coalesce(state, '') = 'applying', id
    ) AS number
    FROM jobs
)
UPDATE procrastinate_jobs AS job SET priority = places.priority
FROM ordered JOIN places USING (number) WHERE ordered.id = job.id AND job.priority <> places.priority
""").format(runs=sql.Identifier(ImportRun._meta.db_table), exports=sql.Identifier(PreparedExport._meta.db_table))
ANYTHING_DUE = """
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))
"""
LEFT_UNDONE = f"""{ANYTHING_DUE} AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing')"""
