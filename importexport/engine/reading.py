"""Opens a file as a table: ours at once, another program's after a first look at what it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

from importexport import errors
from importexport.engine.resource import EntityResource
from importexport.files.csv_reader import Start
from importexport.files.header_finder import best_of, find_start, head_of
from importexport.files.opening import open_rows, read_table, recoded
from importexport.files.signatures import is_workbook
from importexport.files.table import Required, Rows, Table
from importexport.files.text.lines import Source
from importexport.files.text.recoded import marked_encoding
from importexport.files.workbook_reader import WorkbookRows
from importexport.sources.agreed import agreed_names
from importexport.sources.offer import offer_encoding
from importexport.sources.presets import known_headers
from importexport.sources.reading import Reading, Request, count_names, read_rows

Score = Callable[[Sequence[str]], int]


def open_table(
    file: Source,
    resource: EntityResource,
    *,
    reading: Reading | None = None,
    required: list[str] | None = None,
    max_bytes: int | None = None,
) -> Table:
    """Return a file as a table, read as ours or as its reading says; raise FileError if it cannot be imported.

    ``required`` are the columns that it must have, by default those that the resource needs.
    """
    columns = list(resource.in_files)
    needed: Required = resource.needed_names if required is None else required
    if reading is None:
        return read_table(
            file,
            columns=columns,
            required=needed,
            entity=resource.entity,
            sheet=resource.options.sheet,
            max_bytes=max_bytes,
        )
    rows = open_rows(
        file,
        score=scorer(resource),
        sheet=reading.sheet,
        encoding=reading.encoding,
        start=reading.start,
        max_bytes=max_bytes,
    )
    return Table(rows, columns=columns, required=needed, entity=resource.entity, layout=reading.layout)


def read_file(file: BinaryIO, resource: EntityResource, *, ask: errors.Ask = errors.raise_it) -> Reading:
    """Return what a file of another program is, by the resource's options; the position in the file is left anywhere.

    The file has to be seekable. Asks where the caller has to decide something, and raises FileError.
    """
    beginning = file.tell()
    options, score = resource.options, scorer(resource)
    magic = file.read(8)
    file.seek(beginning)
    if is_workbook(magic):
        if options.encoding not in {"", "utf-8"}:
            raise errors.workbook_has_no_encoding()
        return read_workbook(file, resource, ask=ask)
    encoding = encoding_of(magic, options.encoding)
    start = find_start(head_of(recoded(file, encoding)), score)
    file.seek(beginning)
    rows = open_rows(file, score=score, sheet=options.sheet, encoding=encoding, start=start)
    return read_rows(rows, request_of(resource, ask), start=start, encoding=encoding)


def kept_table(rows: Callable[[], Rows], resource: EntityResource, reading: Mapping[str, Any]) -> Table:
    """Return rows that are kept of a file as a table, which reads them as the file was read.

    ``rows`` gives them from the start each time, and ``reading`` is what was kept of the file's (see
    ``Reading.as_json``); it is empty for a file of ours.
    """
    layout = None
    if resource.options.reads:
        columns = reading.get("columns", [])
        written = {at: column["format"] for at, column in enumerate(columns) if "format" in column}
        request = replace(request_of(resource, ignore), written=written)
        layout = read_rows(rows(), request).layout
    columns = list(resource.in_files)
    return Table(rows(), columns=columns, required=resource.needed_names, entity=resource.entity, layout=layout)


def ignore(_question: errors.FileError) -> None:
    """Leave a question open: it was answered when the file was read."""


def encoding_of(magic: bytes, said: str) -> str:
    """Return the encoding of a file that begins with some bytes: what the caller has said, or its mark proves.

    Raises FileError where the two contradict each other.
    """
    marked = marked_encoding(magic[:4])
    if said and marked not in {"", said}:
        raise errors.marked_otherwise(said, marked)
    return said or marked or "utf-8"


@contextmanager
def encoding_offered(file: BinaryIO, resource: EntityResource) -> Iterator[None]:
    """Offer another encoding, with cells as they would read, where the file inside turns out not to be UTF-8."""
    beginning = file.tell()
    try:
        yield
    except errors.FileError as error:
        if error.code != "not_utf8" or resource.options.encoding:
            raise
        position = file.tell()
        file.seek(beginning)
        offer = offer_encoding(file, error)
        file.seek(position)
        raise offer from None


def read_workbook(file: BinaryIO, resource: EntityResource, *, ask: errors.Ask) -> Reading:
    """Return what a workbook of another program is. It has no encoding that anybody would have to know."""
    score = scorer(resource)
    rows = WorkbookRows(file, sheet=resource.options.sheet)
    rows.move_header(lambda first: best_of({row: score(cells) for row, cells in first})[0])
    reading = read_rows(rows, request_of(resource, ask), start=Start(rows.header_row, ""), encoding="")
    return replace(reading, sheet=rows.sheet)


def request_of(resource: EntityResource, ask: errors.Ask) -> Request:
    """Return what the options of a resource say about a file."""
    options, spec = resource.options, resource.spec
    return Request(
        entity=resource.entity,
        columns=list(resource.in_files),
        required=spec.required_names,
        targets=resource.targets,
        source=options.source,
        mapping=options.mapping,
        values=options.values or {},
        formats=options.effective_formats,
        dates=options.dates,
        decimal=options.decimal,
        currency=resource.tenant.currency if resource.tenant else "",
        ask=ask,
    )


def scorer(resource: EntityResource) -> Score:
    """Return the function that counts the known names in a row: our columns, and the headers of all programs."""
    known = known_headers() | agreed_names(resource.entity).keys()
    return count_names(list(resource.in_files), resource.options.mapping, known)
