"""Opens a file as a table: ours at once, another program's after a first look at what it is."""

from collections.abc import Callable, Sequence
from typing import BinaryIO

from importexport import errors
from importexport.engine.resource import EntityResource
from importexport.files.csv_reader import Reader, Start
from importexport.files.header_finder import find_start, head_of
from importexport.files.lines import Source
from importexport.files.recoded import Recoded, marked_encoding
from importexport.files.table import Rows, Table, read_table
from importexport.sources.offer import offer_windows_1252
from importexport.sources.parts import FOREIGN
from importexport.sources.presets import known_headers
from importexport.sources.reading import Reading, Request, count_names, read_rows

Score = Callable[[Sequence[str]], int]


def open_table(
    file: Source, resource: EntityResource, *, reading: Reading | None = None, max_bytes: int | None = None
) -> Table:
    """Return a file as a table, read as ours or as its reading says; raise FileError if it cannot be imported."""
    columns, required = list(resource.in_files), resource.needed_names()
    if reading is None:
        return read_table(file, columns=columns, required=required, entity=resource.entity, max_bytes=max_bytes)
    rows = open_rows(file, reading.encoding, start=reading.start, score=scorer(resource), max_bytes=max_bytes)
    return Table(rows, columns=columns, required=required, entity=resource.entity, layout=reading.layout)


def read_file(file: BinaryIO, resource: EntityResource) -> Reading:
    """Return what a file of another program is, by the resource's options; the position in the file is left anywhere.

    The file has to be seekable. Raises FileError, also where the caller has to decide something.
    """
    beginning = file.tell()
    options, score = resource.options, scorer(resource)
    encoding = options.encoding or marked_encoding(file.read(4)) or "utf-8"
    file.seek(beginning)
    start = find_start(head_of(recoded(file, encoding)), score)
    file.seek(beginning)
    try:
        rows = open_rows(file, encoding, start=start, score=score)
        return read_rows(rows, request_of(resource), start=start, encoding=encoding)
    except errors.FileError as error:
        if error.code == "not_utf8" and not options.encoding:
            file.seek(beginning)
            raise offer_windows_1252(file, error) from None
        raise


def open_rows(file: Source, encoding: str, *, start: Start | None, score: Score, max_bytes: int | None = None) -> Rows:
    """Return the rows of a CSV file in some encoding."""
    return Reader(recoded(file, encoding), score=score, start=start, max_bytes=max_bytes)


def recoded(file: Source, encoding: str) -> Source:
    """Return a file that reads as UTF-8."""
    return file if encoding == "utf-8" else Recoded(file, encoding)


def request_of(resource: EntityResource) -> Request:
    """Return what the options of a resource say about a file."""
    options, spec = resource.options, resource.spec
    return Request(
        entity=resource.entity,
        columns=[*resource.in_files, *FOREIGN],
        required=spec.required_names,
        targets=resource.targets,
        source=options.source,
        mapping=options.mapping,
        values=options.values or {},
        formats=options.effective_formats,
        dates=options.dates,
        decimal=options.decimal,
    )


def scorer(resource: EntityResource) -> Score:
    """Return the function that counts the known names in a row: our columns, and the headers of all programs."""
    return count_names(list(resource.in_files), resource.options.mapping, known_headers())
