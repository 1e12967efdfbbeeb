"""How long row logs are kept.

When the contents of a run have been kept for long enough, what the history of records needs of its changes is copied to
the past (see models.row_log), and the run is of the past from then on: nobody finds the rest any more. It is dropped
with its month, when no run is of that month.
"""

import datetime as dt

from django.db import connection
from django.utils import timezone
from psycopg import sql

from importexport.db import PAST, drop_partitions, partitions
from importexport.models import BY_MONTH, ImportRun, RejectedRow, RowChange


def leave_behind(run: ImportRun) -> None:
    """Leave the contents of a run's row log to its month, or empty what has always been of the past.

    The run has to become one of the past in the same transaction.
    """
    if run.month == PAST:
        RejectedRow.objects.of(run).delete()
        RowChange.objects.of(run).update(changes={}, image="")
        return
    with connection.cursor() as cursor:
        cursor.execute(TO_PAST, {"past": PAST, "tenant": run.tenant_id, "run": run.pk, "month": run.month})


TO_PAST = sql.SQL(
    """
INSERT INTO importexport_rowchange
    (id, tenant_id, run_id, month, number, action, entity, record, changes, note, image)
SELECT id, tenant_id, run_id, %(past)s, number, action, entity, record, '{}', note, ''
FROM importexport_rowchange WHERE tenant_id = %(tenant)s AND run_id = %(run)s AND month = %(month)s AND action <> 'fix'
"""  # What was changed about the file is no part of the history of a record.
)


def drop_months() -> list[str]:
    """Drop the partitions of earlier months that no run is of any more; return their names.

    Must not be called in a transaction. What somebody may still be reading is left to the next time.
    """
    # A run that began at the end of a month may not be stored yet.
    over = (timezone.now() - dt.timedelta(days=1)).date().replace(day=1)
    earlier = [partition for partition in partitions(BY_MONTH) if partition.month < over]
    needed = {*ImportRun.objects.filter(month__in={month for _, month, *_ in earlier}).values_list("month", flat=True)}
    return drop_partitions([partition for partition in earlier if partition.month not in needed])


def erase() -> None:
    """Delete what runs have left to months that are not over yet, or that other runs are of, row by row."""
    with connection.cursor() as cursor:
        for partition in partitions(BY_MONTH):
            cursor.execute(ERASE.format(sql.Identifier(partition.table)), [partition.month, PAST])


#: Nothing of a run that is being planned is deleted: it may not be stored yet.
ERASE = sql.SQL(
    "DELETE FROM {} AS t USING importexport_importrun AS r"
    " WHERE t.month = %s AND r.tenant_id = t.tenant_id AND r.id = t.run_id AND r.month = %s"
)
