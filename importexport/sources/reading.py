"""Reads what one file of another program is, before its first row is imported: which columns, values and formats."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from importexport import errors
from importexport.files.csv_reader import Start
from importexport.files.header import CARRIED, Header, fold_cell, read_header
from importexport.sources.dates import DateProof
from importexport.sources.layout import DATES, NUMBERS, Formats, Layout, Target, blanks_of, make_layout
from importexport.sources.numbers import DecimalProof
from importexport.sources.parts import Part, assign
from importexport.sources.presets import Preset, find_source
from importexport.sources.proof import Proof
from importexport.sources.recognise import choose, is_ours, recognise

#: The source of a file that is ours.
OURS = "rally"
#: How many rows are read at a time to find out how a file writes dates and numbers.
ROWS, SIZE = 3_000, 1024 * 1024
#: Makes the error of a column that is not decided, of its header, rows that show it, and whether they contradict.
Undecided = Callable[[str, list[tuple[int, str]], bool], errors.FileError]


class Rows(Protocol):
    """A source of rows (see files.table.Rows)."""

    header: list[str]
    header_row: int

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the next rows and their numbers."""


@dataclass(frozen=True)
class Request:
    """What a caller says about a file, and what our columns are.

    ``source`` is ours, ``auto`` or a program's name; ``mapping`` is None without one. ``formats`` is ``strict`` or
    ``detect``; ``dates`` and ``decimal`` are "" where the caller leaves them open. ``columns`` are those that a file
    may have, and ``required`` those that one of ours must have.
    """

    entity: str
    columns: Collection[str]
    required: Collection[str]
    targets: Mapping[str, Target]
    source: str = OURS
    mapping: Mapping[str, str | None] | None = None
    values: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    formats: str = "strict"
    dates: str = ""
    decimal: str = ""
    #: The currency of records without one.
    currency: str = ""
    #: How dates and numbers are written, by position, where that was found out before; None where it was not.
    written: Mapping[int, str] | None = None
    #: What becomes of questions. By default, they are raised.
    ask: errors.Ask = errors.raise_it


@dataclass(frozen=True)
class Reading:
    """What was worked out of a file: the program (``source``, ours if none was recognised by name), the kind of
    ``export``, a part for each header, and how dates and numbers are written, by position."""

    source: str
    export: str
    parts: list[Part]
    formats: Formats
    start: Start | None
    header_row: int
    layout: Layout
    encoding: str = "utf-8"
    sheet: str = ""

    @property
    def dates(self) -> str:
        """How the file writes its dates, if all columns agree: ``dmy``; "" if they do not, or have none."""
        return only(self.formats.dates.values())

    @property
    def decimal(self) -> str:
        """How the file writes its decimals, if all columns agree: ``comma``."""
        return only(self.formats.decimals.values())

    def summary(self) -> dict[str, str]:
        """Return what was decided for the whole file, for the header ``X-Import-Reading``."""
        return {
            "source": self.source,
            **{
                name: value
                for name in ("export", "encoding", "sheet", "dates", "decimal")
                if (value := getattr(self, name))
            },
        }

    def as_json(self) -> dict[str, Any]:
        """Return the reading as it is kept with the run and told to clients."""
        return {
            **self.summary(),
            "headerRow": self.header_row,
            "columns": [self._column(part) for part in self.parts if part.position is not None],
        }

    def _column(self, part: Part) -> dict[str, Any]:
        told = {
            "header": part.header,
            "column": part.column or None,
            "why": part.why or None,
            "how": written_steps(part.steps),
        }
        written = self.formats.dates.get(part.position) or self.formats.decimals.get(part.position)  # type: ignore[arg-type]
        return told | ({"format": written} if written else {})


def only(values: Iterable[str]) -> str:
    """Return the only value that is not empty; "" if there are several, or none."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else ""


def written_steps(steps: Mapping[str, str]) -> list[str]:
    """Return steps as a table writes them."""
    return [f"{name}:{argument}" if argument else name for name, argument in steps.items()]


def read_rows(rows: Rows, request: Request, *, start: Start | None = None, encoding: str = "utf-8") -> Reading:
    """Return the reading of a file whose header has been read; rows are read only as far as they are needed as proof.

    Asks where the caller has to decide something.
    """
    preset, source = find_preset(rows.header, request)
    parts = assign(
        rows.header,
        entity=request.entity,
        columns=request.columns,
        preset=preset,
        mapping=request.mapping if request.mapping is not None or source == OURS else {},
        ask=request.ask,
    )
    formats = find_formats(rows, parts, request)
    header = describe(rows.header, parts)
    constants = {} if source == OURS or "external_source" in header.positions else own_source(parts, source)
    filled = ["currency"] if formats.currencies and "currency" in request.targets else []
    nowhere = dict.fromkeys((*constants, *blanks_of(request.values), *filled), NOWHERE)
    header = replace(header, positions=nowhere | header.positions)
    layout = make_layout(
        parts,
        entity=request.entity,
        cells=rows.header,
        targets=request.targets,
        formats=formats,
        values=request.values,
        header=header,
        constants=constants,
        is_ours=source == OURS,
        currency=request.currency,
    )
    export = preset.export if preset else ""
    return Reading(source, export, parts, formats, start, rows.header_row, layout, encoding)


#: The position of a column that no cell of the header gives.
NOWHERE = -1


def find_preset(cells: Sequence[str], request: Request) -> tuple[Preset | None, str]:
    """Return the table that a file is read by, or None, and the program's name: ours where no program is known."""
    if request.source == OURS:
        return None, OURS
    if request.source == "auto":
        if is_ours(cells, request.columns, request.required):
            return None, OURS
        preset = recognise(cells, entity=request.entity, ask=request.ask)
        return preset, preset.source if preset else "auto"
    source, export = find_source(request.source)  # type: ignore[misc]  # Options know the names.
    return choose(source, export, cells, entity=request.entity), source


def own_source(parts: Iterable[Part], source: str) -> dict[str, str]:
    """Return the external_source of a program's rows if they have ids."""
    has_ids = any(part.column.endswith("external_id") for part in parts)
    return {"external_source": source} if has_ids and source != "auto" else {}


def describe(cells: Sequence[str], parts: Iterable[Part]) -> Header:
    """Return a header with the positions of the columns that the parts give."""
    listed = [part for part in parts if part.position is not None]
    positions: dict[str, int] = {}
    for part in listed:
        for column in given_by(part):
            positions.setdefault(column, part.position)  # type: ignore[arg-type]
    for part in parts:
        if part.position is None:
            positions.setdefault(part.column, NOWHERE)
    unread = [
        part for part in listed if not part.column and part.why != "mapping" and fold_cell(part.header) not in CARRIED
    ]
    plain = read_header(cells, columns=())
    return replace(
        plain,
        positions=positions,
        ignored=list(dict.fromkeys(part.header for part in unread if part.header)),
        dropped={part.position: part.header for part in unread},  # type: ignore[misc]
        foreign=frozenset(part.header for part in unread if part.why == "source"),
    )


#: Names of tables → the columns that they give.
GIVES = {
    "full_name": ("first_name", "last_name"),
    "deal_status": ("stage_name", "probability"),
    "row_kind": (),
}


def given_by(part: Part) -> list[str]:
    """Return the columns of ours that a part gives."""
    if not part.column:
        return []
    further = [argument for name, argument in part.steps.items() if name == "first_line"]
    if "by_label" in part.steps:
        further.append("mobile")
    return [*GIVES.get(part.column, (part.column,)), *further]


def find_formats(rows: Rows, parts: Sequence[Part], request: Request) -> Formats:
    """Return how dates and numbers are written: as the caller says, or as the cells prove.

    Asks about a column whose cells do not decide, unless it makes no difference. Of one that is not decided, nothing is
    in the formats, and its cells stay as they are.
    """
    forms = {
        part.position: request.targets[part.column].form
        for part in parts
        if part.position is not None and part.column in request.targets
    }
    dates: dict[int, str | None] = {at: request.dates or None for at, form in forms.items() if form in DATES}
    decimals: dict[int, str | None] = {at: request.decimal or None for at, form in forms.items() if form in NUMBERS}
    is_detected = request.formats == "detect"
    is_strict = not (is_detected or request.dates or request.decimal)
    proofs: dict[int, Proof] = {at: DateProof() for at, said in dates.items() if is_detected and not said}
    # Amounts are looked at even if the caller says how they are written: a currency may stand beside them.
    proofs |= {at: DecimalProof() for at, said in decimals.items() if is_detected or said}
    collect(rows, proofs)
    headers = {part.position: part.header for part in parts if part.position is not None}
    for formats, undecided in ((dates, errors.dates_undecided), (decimals, errors.decimals_undecided)):
        for at in [at for at, said in formats.items() if at in proofs and not said]:
            if request.written is None:
                formats[at] = settled(proofs[at], headers[at], undecided, request.ask)
            else:
                formats[at] = request.written.get(at)
    currencies = {at for at, proof in proofs.items() if isinstance(proof, DecimalProof) and proof.has_currencies}
    return Formats(is_strict, decided(dates), decided(decimals), frozenset(currencies))


def decided(formats: Mapping[int, str | None]) -> dict[int, str]:
    """Return the formats that are not None."""
    return {at: written for at, written in formats.items() if written is not None}


def collect(rows: Rows, proofs: Mapping[int, Proof]) -> None:
    """Show all rows to the proofs of columns, by position; a broken file is left to the import to tell."""
    if not proofs:
        return
    with suppress(errors.FileError):
        while True:
            numbers, records = rows.next_rows(rows=ROWS, size=SIZE)
            if not records:
                return
            for at, proof in proofs.items():
                proof.add(numbers, [record[at] if at < len(record) else "" for record in records])


def settled(proof: Proof, header: str, undecided: Undecided, ask: errors.Ask) -> str | None:
    """Return the way in which a column proves to be written; if it proves none, ask and return None."""
    if proof.way is None:
        ask(undecided(header, proof.undecided, proof.is_contradictory))
    return proof.way


def count_names(
    columns: Collection[str], mapping: Mapping[str, Any] | None, names: Collection[str]
) -> Callable[[Sequence[str]], int]:
    """Return the function that counts the cells of a row which may be names of columns, ours or of any program."""
    known = {fold_cell(name) for name in (*columns, *(mapping or ()))} | set(names)

    def count(cells: Sequence[str]) -> int:
        return len({label for cell in cells if (label := fold_cell(cell)) in known and label})

    return count
