"""PostgreSQL beyond Django's cursor: COPY, a query in one round trip, advisory locks, retries, partitions.

Django notices a lost connection by the errors that pass through its wrapper, and replaces it only then. So all calls of
psycopg and libpq are in this package, inside that wrapper; tests/importexport/db/test_calls.py checks it. Composing
statements with ``psycopg.sql`` needs no connection, and is done where the statements are used.
"""

from importexport.db.asking import UNAVAILABLE, ask
from importexport.db.composing import ANY_TENANT, any_tenant, by_index, identifiers, unzipped
from importexport.db.copying import copy_block, copy_in, copy_out
from importexport.db.locks import advisory_lock, held_locks, lock_entities, release_lock, session_lock, stay_alive
from importexport.db.months import (
    PAST,
    drop_partitions,
    ensure_months,
    month_after,
    months_ahead,
    partition_of,
    partitions,
    this_month,
)
from importexport.db.retrying import is_clash, is_tie, retry
from importexport.db.waiting import Busy, is_lock_timeout, patience

__all__ = [
    "ANY_TENANT",
    "PAST",
    "UNAVAILABLE",
    "Busy",
    "advisory_lock",
    "any_tenant",
    "ask",
    "by_index",
    "copy_block",
    "copy_in",
    "copy_out",
    "drop_partitions",
    "ensure_months",
    "held_locks",
    "identifiers",
    "is_clash",
    "is_lock_timeout",
    "is_tie",
    "lock_entities",
    "month_after",
    "months_ahead",
    "partition_of",
    "partitions",
    "patience",
    "release_lock",
    "retry",
    "session_lock",
    "stay_alive",
    "this_month",
    "unzipped",
]
