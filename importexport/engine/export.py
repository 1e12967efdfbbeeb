"""Files as streams: CSV (RFC 4180) and XLSX, from PostgreSQL's COPY TO; nothing holds a whole file."""

import codecs
import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models.expressions import Combinable, F, Func, OuterRef, Subquery
from django.db.models.functions import Coalesce
from psycopg import sql

from importexport.columns.fields import Column
from importexport.db import copy_out
from importexport.files.formula import MARK_SQL
from importexport.files.xlsx import stream_workbook

FileFormat = Literal["csv", "xlsx"]
CONTENT_TYPES: dict[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_PER_CHUNK = 200


class Sql(Func):
    """An expression within SQL; ``{0}`` is where it goes, as often as needed."""

    def __init__(self, expression: Combinable, template: str) -> None:
        super().__init__(expression, output_field=models.TextField())
        self._template = sql.SQL(template.replace("%", "%%"))

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple]:
        """Return the SQL; a column has no parameters that would have to be repeated."""
        inner, _params = compiler.compile(self.source_expressions[0])
        return self._template.format(sql.SQL(inner)).as_string(), ()


def cell_sql(column: Column, around: str) -> Sql | Subquery:
    """Return a column's cells as SQL, ``around`` with ``{0}`` where the cell goes.

    What a reference shows is looked up in a subquery: a join's plan depends on statistics, which a table that was just
    imported does not have yet, and can be quadratic.
    """
    name, _, shown = column.attribute.partition("__")
    cell = Sql(Sql(F(shown or name), column.widget.sql), around)
    if not shown:
        return cell
    related = cast(type[models.Model], column.source.related_model)._default_manager.filter(pk=OuterRef(column.stores))
    return Subquery(related.values_list(cell), output_field=models.TextField())


def csv_header(names: list[str], *, bom: bool = False) -> bytes:
    """Return the first line of a CSV file, with ``bom`` after a byte-order mark: Excel takes a file without one for the
    system's own encoding."""
    return (codecs.BOM_UTF8 if bom else b"") + (",".join(names) + "\r\n").encode()


def stream_csv(queryset: models.QuerySet, columns: list[Column], *, bom: bool = False) -> Iterator[bytes]:
    """Yield a CSV file of a queryset's records: CRLF, quotes only where needed, formulas marked."""
    yield csv_header([column.column_name for column in columns], bom=bom)
    expressions = [cell_sql(column, MARK_SQL if column.widget.kind == "text" else "{0}") for column in columns]
    with copy_rows(queryset, expressions, style="csv") as rows:
        # COPY ends a row with LF; line breaks within cells are data, and stay as they are.
        while batch := [bytes(row)[:-1] for row in itertools.islice(rows, ROWS_PER_CHUNK)]:
            yield b"\r\n".join(batch) + b"\r\n"


def stream_xlsx(queryset: models.QuerySet, columns: list[Column], *, sheet: str) -> Iterator[bytes]:
    """Yield an XLSX workbook of a queryset's records, with typed cells."""
    expressions = [
        Coalesce(cell_sql(column, "({0})::text"), models.Value(""), output_field=models.TextField())
        for column in columns
    ]
    with copy_rows(queryset, expressions, style="text") as rows:
        yield from stream_workbook(
            sheet=sheet,
            header=[column.column_name for column in columns],
            kinds=[column.widget.kind for column in columns],
            batches=iter(lambda: b"".join(itertools.islice(rows, ROWS_PER_CHUNK)), b""),
        )


@contextlib.contextmanager
def copy_rows(
    queryset: models.QuerySet, expressions: Sequence[Combinable], *, style: Literal["csv", "text"]
) -> Iterator[Iterator[bytes]]:
    """Give a queryset's rows as COPY writes them, one by one as the server sends them."""
    named = {f"cell_{i}": expression for i, expression in enumerate(expressions)}
    try:
        query, params = queryset.annotate(**named).values_list(*named).query.sql_with_params()
    except EmptyResultSet:
        # Django knows without asking that nothing can be found: a filter for what does not exist.
        yield iter(())
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            # The order by id must come from an index, or the first row would wait for the last to be sorted.
            cursor.execute("SET LOCAL enable_sort = off")
        with copy_out(sql.SQL(query), params, style=style) as rows:
            yield rows
