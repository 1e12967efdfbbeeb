"""COPY, to a table and from a query."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from django.db import connection
from psycopg import sql

from importexport.db.composing import identifiers


def copy_in(
    table: str, columns: Iterable[str], texts: Sequence[Sequence[str | None]], *, over: Any = connection
) -> None:
    """Store rows in a table; ``texts`` has one list of COPY texts per column."""
    block = copy_block(texts)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), identifiers(columns))
    with over.cursor() as cursor, over.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(block)


@contextmanager
def copy_out(
    query: sql.Composable, parameters: Sequence[Any], *, style: Literal["csv", "text"]
) -> Iterator[Iterator[bytes]]:
    """Open an iterator over the rows of a query in a format of COPY, which yields rows as the server sends them.

    Raises OperationalError if the connection is lost, possibly in the middle of the rows.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT {})").format(query, sql.Literal(style))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # COPY takes no parameters, so they are merged into the statement.
        merged = psycopg.ClientCursor(connection.connection).mogrify(statement, parameters)
        with cursor.copy(merged) as copy:
            yield iter(copy)


def copy_block(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Return columns as rows of PostgreSQL's COPY text format."""
    lines = map("\t".join, zip(*map(escape_column, columns), strict=True))
    return ("\n".join(lines) + "\n").encode()


def escape_column(values: Sequence[str | None]) -> Sequence[str]:
    """Return the COPY texts of a column's values; most columns are returned unchanged.

    Values never contain NUL, because PostgreSQL cannot store it, so it can separate them while all are escaped at once.
    """
    joined = "\0".join(filter(None, values))
    if "\\" in joined or "\n" in joined or "\t" in joined:
        joined = "\0".join("\1" if value is None else value for value in values)
        joined = joined.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t")
        return joined.replace("\1", r"\N").split("\0")
    return [r"\N" if value is None else value for value in values] if None in values else values  # type: ignore[return-value]
