"""PostgreSQL beyond Django's cursor: COPY, a query in one round trip, advisory locks, retries, partitions.

Django notices a lost connection by the errors that pass through its wrapper, and replaces it only then. So all calls of
psycopg and libpq are in this package, inside that wrapper; tests/importexport/db/test_calls.py checks it. Composing
statements with ``psycopg.sql`` needs no connection, and is done where the statements are used.
"""

from importexport.db.asking import UNAVAILABLE, ask
from importexport.db.composing import ANY_TENANT, any_tenant, by_index, identifiers, unzipped
from importexport.db.connecting import check_direct_settings, directly, is_pooled, libpq_parameters, second_connection
from importexport.db.connector import WatchedConnector
from importexport.db.copying import copy_block, copy_in, copy_out
from importexport.db.jobs import store_job
from importexport.db.leases import Lease, LeaseLost, leased
from importexport.db.locks import (
    advisory_lock,
    cancel_statement,
    end_sessions,
    lock_apart,
    lock_entities,
    name_transaction,
    session_name,
    stay_alive,
)
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
from importexport.db.waiting import Busy, current_patience, is_lock_timeout, patience

__all__ = [
    "ANY_TENANT",
    "PAST",
    "UNAVAILABLE",
    "Busy",
    "Lease",
    "LeaseLost",
    "WatchedConnector",
    "advisory_lock",
    "any_tenant",
    "ask",
    "by_index",
    "cancel_statement",
    "check_direct_settings",
    "copy_block",
    "copy_in",
    "copy_out",
    "current_patience",
    "directly",
    "drop_partitions",
    "end_sessions",
    "ensure_months",
    "identifiers",
    "is_clash",
    "is_lock_timeout",
    "is_pooled",
    "is_tie",
    "leased",
    "libpq_parameters",
    "lock_apart",
    "lock_entities",
    "month_after",
    "months_ahead",
    "name_transaction",
    "partition_of",
    "partitions",
    "patience",
    "retry",
    "second_connection",
    "session_name",
    "stay_alive",
    "store_job",
    "this_month",
    "unzipped",
]
