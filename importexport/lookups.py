"""How PostgreSQL is told to look records up one by one, by the index of their key, whatever its statistics say.

A batch is small beside the tables, and what it meets was often made just now, in a tenant that is new: the statistics
know nothing of it, and every other way can come out quadratic.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: A tenant in SQL, where records are looked up by tenant and key: a subquery, so that PostgreSQL plans for any tenant.
#: Planned for this one, which its statistics may not know yet, an index by tenant alone would do as well: and each
#: look-up would read all that the tenant has.
ANY_TENANT = "(SELECT %s::bigint)"

#: What would read a whole table, or a whole tenant, to find the records of a batch; and what would be made of the high
#: costs at which some versions put that off.
OTHER_WAYS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit")


@contextmanager
def by_index(cursor: Any) -> Iterator[None]:
    """Let every statement inside look records up by an index, one by one; needs a transaction."""
    cursor.execute("; ".join(f"SET LOCAL {way} = off" for way in OTHER_WAYS))
    yield
    cursor.execute("; ".join(f"SET LOCAL {way} TO DEFAULT" for way in OTHER_WAYS))
