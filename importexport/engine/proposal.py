"""What a file would be read as, for whoever decides: the reading, samples, and what is undecided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from crm.characters import trim
from importexport.engine.found_values import FoundValues, ValueCounter
from importexport.engine.reading import encoding_offered, open_table, read_file
from importexport.engine.resource import EntityResource
from importexport.errors import FileError, echo
from importexport.files.table import BYTES_PER_BATCH, ROWS_PER_BATCH, Rows, count_filled
from importexport.files.workbooks.numbers import shown_cell
from importexport.sources.fill import Column
from importexport.sources.layout import Layout
from importexport.sources.parts import Part
from importexport.sources.reading import Reading, given_by

#: How many cells of each header are shown.
SAMPLES = 3
#: Options without which a file cannot be read on: the first of the values that would answer is taken for it.
ASSUMED = ("encoding", "sheet")

Json = dict[str, Any]


@dataclass
class HeaderSample:
    """A header of the file: how many of its cells are filled, and the first different ones with what they become."""

    part: Part
    #: Columns that the header gives only because of what its cells have, as an amount with a currency beside it.
    also: Sequence[str] = ()
    filled: int = 0
    samples: dict[str, dict[str, str]] = field(default_factory=dict)

    def new_cells(self, cells: Sequence[str]) -> dict[str, int]:
        """Return the cells of a batch that are to be shown too, with their positions."""
        room = SAMPLES - len(self.samples)
        if not room:
            return {}
        found: dict[str, int] = {}
        for i, cell in enumerate(cells):
            if cell not in found and cell not in self.samples and trim(cell):
                found[cell] = i
                if len(found) == room:
                    break
        return found

    def as_json(self) -> Json:
        """Return the header as it is told to clients."""
        return {
            "header": self.part.header,
            "filled": self.filled,
            "samples": [
                {"cell": echo(shown_cell(cell)), "becomes": {name: echo(text) for name, text in becomes.items()}}
                for cell, becomes in self.samples.items()
            ],
        }


@dataclass
class Proposal:
    """What a file would be read as; ``questions`` are what a caller has to decide before it can be imported.

    ``values`` are those of columns with choices, stages and pipelines.
    """

    reading: Reading
    delimiter: str
    header: list[str]
    total_rows: int
    headers: list[HeaderSample]
    questions: list[FileError]
    values: list[FoundValues]

    def as_json(self) -> Json:
        """Return the proposal as it is told to clients."""
        return {
            "reading": self.reading.as_json(),
            "delimiter": self.delimiter or None,
            "totalRows": self.total_rows,
            "headers": [header.as_json() for header in self.headers],
            "questions": list(map(question_json, self.questions)),
        }


#: Whether what has been read of a file up to now is enough for who asks.
Enough = Callable[[Proposal], bool]


def never(_: Proposal) -> bool:
    """Say that it is not enough."""
    return False


def question_json(error: FileError) -> Json:
    """Return what has to be decided as it is told to clients."""
    assert error.question
    return {
        "code": error.code,
        "message": str(error),
        **{name: value if name == "option" else list(value) for name, value in error.question._asdict().items()},
    }


def propose(file: BinaryIO, resource: EntityResource, *, enough: Enough = never) -> Proposal:
    """Return what a seekable file would be read as; raise FileError if no answer of a caller makes it readable.

    Of an undecided encoding or sheet, the first is taken that would do. Samples and values are taken until it is
    ``enough``, of all rows by default; the rows after that are only counted.
    """
    beginning = file.tell()
    questions: list[FileError] = []
    while True:
        file.seek(beginning)
        try:
            with encoding_offered(file, resource):
                return read_through(file, resource, questions, enough)
        except FileError as error:
            if error.question is None or error.question.option not in ASSUMED:
                raise
            questions = [one for one in questions if one.question and one.question.option in ASSUMED]
            questions.append(error)
            resource = assuming(resource, error.question.option, error.question.values[0])


def assuming(resource: EntityResource, option: str, value: str) -> EntityResource:
    """Return a resource with another value of an option."""
    assumed: Json = {option: value}
    return type(resource)(resource.tenant, options=replace(resource.options, **assumed))


def read_through(file: BinaryIO, resource: EntityResource, questions: list[FileError], enough: Enough) -> Proposal:
    """Read a file to its end; what is undecided is added to the questions."""
    beginning = file.tell()
    reading = read_file(file, resource, ask=questions.append)
    file.seek(beginning)
    rows, lacking = open_read(file, resource, reading)
    if lacking:
        questions.append(lacking)
    priced = reading.formats.currencies
    headers = [
        HeaderSample(part, also=["currency"] if part.position in priced else [])
        for part in reading.parts
        if part.position is not None
    ]
    counter = ValueCounter(reading.layout, resource.targets)
    proposal = Proposal(reading, rows.delimiter, rows.header, 0, headers, questions, counter.found)
    is_enough = False
    while records := rows.next_rows(rows=ROWS_PER_BATCH, size=BYTES_PER_BATCH)[1]:
        proposal.total_rows += len(records)
        if not is_enough:
            by_position = transposed(records, reading.layout.header.width)
            take_samples(headers, by_position, reading.layout, count=len(records))
            counter.add(by_position)
            is_enough = enough(proposal)
    return proposal


def open_read(file: BinaryIO, resource: EntityResource, reading: Reading) -> tuple[Rows, FileError | None]:
    """Return the rows of a file, and the error about required columns that the reading lacks, if there is one."""
    beginning = file.tell()
    try:
        return open_table(file, resource, reading=reading).rows, None
    except FileError as error:
        if error.code != "missing_column":
            raise
        file.seek(beginning)
        return open_table(file, resource, reading=reading, required=[]).rows, error


def transposed(records: list[list[str]], width: int) -> list[Column]:
    """Return the cells of a batch by their position in the file."""
    return list(zip(*(record[:width] + [""] * (width - len(record)) for record in records), strict=True))


def take_samples(headers: Sequence[HeaderSample], by_position: Sequence[Column], layout: Layout, *, count: int) -> None:
    """Count the filled cells of a batch, and note those to be shown."""
    new = {}
    for header in headers:
        cells = by_position[header.part.position]  # type: ignore[index]  # Only those with a position are headers.
        if filled := count_filled(cells):
            header.filled += filled
            new[header.part.position] = header.new_cells(cells)
    if not any(new.values()):
        return
    columns = layout.fill(by_position, count).columns
    for header in headers:
        names = [name for name in (*given_by(header.part), *header.also) if name in columns]
        for cell, i in new.get(header.part.position, {}).items():
            header.samples[cell] = {name: columns[name][i] for name in names}
