"""Merges the tags of rows with the tags of existing records, ignoring case as in names.

This is done in Python, because PostgreSQL folds some characters differently (``ß``, ``İ``, ``ς``).
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import sql

from crm.matching import fold_column
from crm.models.fields import unrepeated


def merge(present: Sequence[str], given: Sequence[str], how: str) -> list[str]:
    """Return the new tags of a record: ``given`` tags are added to the ``present`` ones, removed, or replace them.

    Adding keeps the present spelling. Replacing keeps tags that differ only in case, which older versions allowed, if
    the given tags are otherwise the same.
    """
    if how == "add":
        return [*present, *without(given, present)]
    if how == "remove":
        return without(present, given)
    return list(present if unrepeated(present) == given else given)


def without(tags: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the tags that are not among others, in their order."""
    known = set(fold_column(others))
    return [tag for tag, key in zip(tags, fold_column(tags), strict=True) if key not in known]


class TagMerger:
    """Replaces the tags in the temporary table by the new tags of the matched records.

    ``column`` is the database column, ``bit`` its bit in the masks, and ``widget`` formats tags for PostgreSQL.
    """

    def __init__(self, column: str, *, bit: int, widget: Any, how: str) -> None:
        self._name, self._bit, self._widget, self._how = sql.Identifier(column), bit, widget, how

    def merge(self, staging: sql.Identifier, joined: sql.Composable, pairs: list[list[int]]) -> None:
        """Merge the tags of ``pairs`` (row indexes and record ids); ``joined`` is ``JOINED`` for them."""
        may_differ = REPEATED if self._how == "replace" else sql.SQL("true")
        statement = BOTH.format(
            tags=self._name, joined=joined, bit=sql.Literal(self._bit), condition=may_differ.format(tags=self._name)
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, pairs)
            merged = {n: merge(present, given, self._how) for n, present, given in cursor}
            if merged:
                texts = [self._widget.store(tags) for tags in merged.values()]
                cursor.execute(GIVE.format(staging=staging, tags=self._name), [list(merged), texts])


BOTH = sql.SQL("SELECT s.n, t.{tags}, s.{tags} FROM {joined} WHERE s.given & {bit} <> 0 AND {condition}")
#: If a record has all tags of the row and more, the others may differ from these only in case.
REPEATED = sql.SQL("t.{tags} @> s.{tags} AND cardinality(t.{tags}) > cardinality(s.{tags})")
GIVE = sql.SQL(
    "UPDATE {staging} AS s SET {tags} = u.tags::varchar[]"
    " FROM unnest(%s::int[], %s::text[]) AS u(n, tags) WHERE s.n = u.n"
)
