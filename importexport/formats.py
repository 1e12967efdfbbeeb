"""Files as streams: CSV (RFC 4180) and XLSX, from PostgreSQL's COPY TO; nothing holds a whole file."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Literal

import psycopg
from django.db import connection, models, transaction
from django.db.models.expressions import F, Func

from importexport.columns import Column
from importexport.safety import MARK_SQL
from importexport.xlsx import stream_workbook

FileFormat = Literal["csv", "xlsx"]
CONTENT_TYPES: dict[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_PER_CHUNK = 200


class Sql(Func):
    """An expression wrapped in SQL; ``{0}`` is where it goes, as often as needed."""

    def __init__(self, expression: F | Func, sql: str) -> None:
        super().__init__(expression, output_field=models.TextField())
        self.sql = sql

    def as_sql(self, compiler, db_connection, **_):
        """Return the SQL; the expression is a column, so there are no parameters to repeat."""
        inner, params = compiler.compile(self.source_expressions[0])
        assert not params
        return self.sql.format(inner).replace("%", "%%"), []


def csv_line(cells: list[str]) -> bytes:
    """Return a line of plain cells."""
    return (",".join(cells) + "\r\n").encode()


def stream_csv(queryset: models.QuerySet, columns: list[Column]) -> Iterator[bytes]:
    """Yield a CSV file of a queryset's records: CRLF, quotes only where needed, formulas marked."""
    yield csv_line([column.column_name for column in columns])
    expressions = [_csv_expression(column) for column in columns]
    with copy_rows(queryset, expressions, "FORMAT csv") as rows:
        # COPY ends a row with LF, and says nothing of the line breaks within cells, which stay LF.
        while batch := [bytes(row)[:-1] for row in itertools.islice(rows, ROWS_PER_CHUNK)]:
            yield b"\r\n".join(batch) + b"\r\n"


def stream_xlsx(queryset: models.QuerySet, columns: list[Column], *, sheet: str) -> Iterator[bytes]:
    """Yield an XLSX workbook of a queryset's records, with typed cells."""
    expressions = [Sql(Sql(F(column.attribute), column.widget.sql), "coalesce(({0})::text, '')") for column in columns]
    with copy_rows(queryset, expressions, "FORMAT text") as rows:
        yield from stream_workbook(
            sheet=sheet,
            header=[column.column_name for column in columns],
            kinds=[column.widget.kind for column in columns],
            batches=iter(lambda: b"".join(itertools.islice(rows, ROWS_PER_CHUNK)), b""),
        )


def _csv_expression(column: Column) -> Sql:
    expression = Sql(F(column.attribute), column.widget.sql)
    return Sql(expression, MARK_SQL) if column.widget.kind == "text" else expression


@contextlib.contextmanager
def copy_rows(queryset: models.QuerySet, expressions: list[Sql], options: str) -> Iterator[Iterator[bytes]]:
    """Give the rows of ``COPY (queryset) TO STDOUT``, one by one as the server sends them."""
    named = {f"cell_{i}": expression for i, expression in enumerate(expressions)}
    sql, params = queryset.annotate(**named).values_list(*named).query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        # The order by id must come from an index, or the first row would wait for the last to be sorted.
        cursor.execute("SET LOCAL enable_sort = off")
        query = psycopg.ClientCursor(connection.connection).mogrify(sql, params)
        with cursor.copy(f"COPY ({query}) TO STDOUT ({options})") as copy:
            yield iter(copy)
