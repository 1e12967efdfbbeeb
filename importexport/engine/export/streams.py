"""Streams records as CSV (RFC 4180) or XLSX files from PostgreSQL's COPY TO, without holding a whole file in memory."""

import codecs
import contextlib
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models.expressions import Combinable, F, Func, OuterRef, Subquery
from django.db.models.functions import Coalesce
from psycopg import sql

from importexport.columns.fields import Column
from importexport.columns.widgets import Choice
from importexport.db import copy_out
from importexport.errors import for_staff
from importexport.files.csv_writer import csv_text, from_copy
from importexport.files.formula import MARK_SQL, mark
from importexport.files.noted_workbook import BOLD, Cell, NotedWorkbook
from importexport.files.xlsx import Kind, stream_workbook

FileFormat = Literal["csv", "xlsx"]
#: The most characters of a drop-down list: Excel does not open a workbook that has more.
LIST_LIMIT = 255
#: The formats by their names.
FORMATS: dict[str, FileFormat] = {"csv": "csv", "xlsx": "xlsx"}
CONTENT_TYPES: dict[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_PER_CHUNK = 200


class Sql(Func):
    """SQL around expressions, which replace each ``{0}``, ``{1}`` … in the template."""

    def __init__(self, *expressions: Combinable, template: str) -> None:
        super().__init__(*expressions, output_field=models.TextField())
        self._template = sql.SQL(template.replace("%", "%%"))

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple]:
        """Return the SQL. Columns have no parameters, so none have to be repeated."""
        inner = [sql.SQL(compiler.compile(expression)[0]) for expression in self.source_expressions]
        return self._template.format(*inner).as_string(), ()


def cell_sql(column: Column, around: str) -> Sql | Subquery:
    """Return the SQL for a column's cells; each ``{0}`` in ``around`` is replaced by the cell.

    References use a subquery: the plan of a join depends on statistics, which are missing right after an import, and
    can be quadratic without them. External ids of references are those of the record's own source, in which an import
    looks for them.
    """
    name, _, shown = column.attribute.partition("__")
    cell = Sql(Sql(F(shown or name), template=column.widget.sql), template=around)
    if not shown:
        return cell
    model = cast(type[models.Model], column.source.related_model)
    related = model._default_manager.filter(tenant=OuterRef("tenant"), pk=OuterRef(column.stores))
    if column.finds:
        related = related.filter(external_source=OuterRef("external_source"))
    return Subquery(related.values_list(cell), output_field=models.TextField())


class Exported(NamedTuple):
    """A column of an export: its header, the kind of its cells, and their SQL, with a template ``around`` each."""

    header: str
    kind: Kind
    cell: Callable[[str], Combinable]


def exported(column: Column) -> Exported:
    """Return a column of ours as an export has it."""
    return Exported(column.column_name, column.widget.kind, partial(cell_sql, column))


def csv_header(names: list[str], *, bom: bool = False) -> bytes:
    """Return the header row of a CSV file, with ``bom`` after a byte-order mark, without which Excel assumes the
    system's encoding."""
    return (codecs.BOM_UTF8 if bom else b"") + csv_text([[mark(name) for name in names]]).encode()


def xlsx_template(columns: Sequence[Column], *, sheet: str) -> bytes:
    """Return a workbook with the header row: columns have their help as a note, and choices a drop-down list."""
    file = io.BytesIO()
    choices = [column.widget.values if isinstance(column.widget, Choice) else () for column in columns]
    lists = [values if len(",".join(values)) <= LIST_LIMIT else () for values in choices]
    header = [Cell(column.column_name, note=help_of(column), style=BOLD) for column in columns]
    NotedWorkbook(file, sheet=sheet, header=header, choices=lists).close()
    return file.getvalue()


def help_of(column: Column) -> str:
    """Return the help for a column as a sentence or two."""
    text = for_staff(column.help)
    return f"{'Required. ' if column.required else ''}{text[:1].upper()}{text[1:]}{'.' if text else ''}".strip()


def stream_csv(queryset: models.QuerySet, columns: Sequence[Exported], *, bom: bool = False) -> Iterator[bytes]:
    """Yield a CSV file of a queryset's records, with CRLF line ends, minimal quotes and marked formulas."""
    yield csv_header([column.header for column in columns], bom=bom)
    expressions = [column.cell(MARK_SQL if column.kind == "text" else "{0}") for column in columns]
    with copy_rows(queryset, expressions, style="csv") as rows:
        # COPY ends rows with LF. Line breaks inside cells are data, and are not changed.
        while batch := [bytes(row)[:-1] for row in itertools.islice(rows, ROWS_PER_CHUNK)]:
            yield from_copy(batch)


def stream_xlsx(queryset: models.QuerySet, columns: Sequence[Exported], *, sheet: str) -> Iterator[bytes]:
    """Yield an XLSX workbook of a queryset's records, with typed cells."""
    expressions = [
        Coalesce(column.cell("({0})::text"), models.Value(""), output_field=models.TextField()) for column in columns
    ]
    with copy_rows(queryset, expressions, style="text") as rows:
        yield from stream_workbook(
            sheet=sheet,
            header=[column.header for column in columns],
            kinds=[column.kind for column in columns],
            batches=iter(lambda: b"".join(itertools.islice(rows, ROWS_PER_CHUNK)), b""),
        )


@contextlib.contextmanager
def copy_rows(
    queryset: models.QuerySet, expressions: Sequence[Combinable], *, style: Literal["csv", "text"]
) -> Iterator[Iterator[bytes]]:
    """Yield an iterator of a queryset's rows in COPY format, as the server sends them."""
    named = {f"cell_{i}": expression for i, expression in enumerate(expressions)}
    try:
        query, params = queryset.annotate(**named).values_list(*named).query.sql_with_params()
    except EmptyResultSet:
        # Django does not query the database if a filter cannot match anything.
        yield iter(())
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            # The order by id must come from an index. Otherwise all rows would be sorted before the first is sent.
            cursor.execute("SET LOCAL enable_sort = off")
        with copy_out(sql.SQL(query), params, style=style) as rows:
            yield rows
