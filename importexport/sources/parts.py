"""Which header of a file is which of our columns, by the names, a caller's mapping and the program's table."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crm.characters import trim
from importexport import errors
from importexport.files.header import CARRIED, fold_cell
from importexport.sources.agreed import agreed_names
from importexport.sources.presets import Preset, fold_header

#: Columns of ours that only other programs' files can have: they have no name in a file of ours.
FOREIGN = ("contact_name", "company_domain")
#: Steps that add a header's cells to those of another, instead of giving the column by themselves.
ADDING = ("append", "append_word", "append_labelled")
#: Steps by which several headers can give one column.
JOINING = ("only_if_blank", *ADDING)


@dataclass(frozen=True)
class Part:
    """A header of the file, at a ``position``, or None for what every row is: the ``column`` that it gives, or "" if it
    is not imported, with the ``steps`` of its table.

    ``why`` says who has decided: ``name``, ``mapping``, ``source``, ``agreed`` (all programs), or "" for nobody.
    """

    position: int | None
    header: str
    column: str = ""
    steps: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def joins(self) -> bool:
        """Whether the part may give a column together with others."""
        return any(step in self.steps for step in JOINING)


def assign(
    cells: Sequence[str],
    *,
    entity: str,
    columns: Collection[str],
    preset: Preset | None = None,
    mapping: Mapping[str, str | None] | None = None,
    ask: errors.Ask = errors.raise_it,
) -> list[Part]:
    """Return a part for each cell of a header, then those that the program's table adds to every row.

    ``columns`` are those that a file of the entity may have. A caller's ``mapping`` counts most, then what the
    program's table says, then our own names, then those that all programs agree on. Raises FileError for a mapping of
    headers that the file lacks, and asks about two headers that claim the same column.
    """
    wishes = find_wishes(cells, mapping or {})
    known = {fold_cell(name): name for name in columns}
    shared = agreed_names(entity) if preset or mapping is not None else {}
    parts = [
        _part(position, cell, wishes=wishes, preset=preset, known=known, shared=shared)
        for position, cell in enumerate(cells)
    ]
    parts = _without_guesses(parts)
    if preset:
        parts += [Part(None, "", rule.column, rule.steps, "source") for rule in preset.constants]
    check_claims(parts, ask)
    return parts


def _part(
    position: int,
    cell: str,
    *,
    wishes: Mapping[int, str],
    preset: Preset | None,
    known: Mapping[str, str],
    shared: Mapping[str, str],
) -> Part:
    label, name = fold_header(cell), trim(cell)
    if position in wishes:
        return Part(position, name, wishes[position], why="mapping")
    if preset and (rule := preset.rules.get(label)):
        return Part(position, name, rule.column, rule.steps, "source")
    if own := known.get(fold_cell(cell)) or known.get(label):
        return Part(position, name, own, why="name")
    if agreed := shared.get(label):
        return Part(position, name, agreed, why="agreed")
    return Part(position, name)


def find_wishes(cells: Sequence[str], mapping: Mapping[str, str | None]) -> dict[int, str]:
    """Return the columns of a mapping by position; raise FileError for a header that the file lacks.

    A name means the headers that are spelt so, else those that match and are not named by their own spelling.
    """
    exact, alike = positions_by(cells, trim), positions_by(cells, fold_header)
    named: dict[int, str] = {}
    missing = []
    for header in sorted(mapping, key=lambda header: trim(header) not in exact):
        places = exact.get(trim(header)) or alike.get(fold_header(header), [])
        free = [at for at in places if at not in named]
        named |= dict.fromkeys(free, header)
        if not free:
            missing.append(header)
    if missing:
        raise errors.mapping_without_header(missing, [name for cell in cells if (name := trim(cell))])
    return {position: mapping[header] or "" for position, header in named.items()}


def positions_by(cells: Sequence[str], key: Callable[[str], str]) -> dict[str, list[int]]:
    """Return the positions of a header's cells by a key of each."""
    positions: dict[str, list[int]] = defaultdict(list)
    for position, cell in enumerate(cells):
        positions[key(cell)].append(position)
    return dict(positions)


def _without_guesses(parts: Iterable[Part]) -> list[Part]:
    """Return the parts, of which those that all programs agree on give way to what a caller or a program says."""
    listed = list(parts)
    said = {part.column for part in listed if part.why in ("mapping", "source")}
    return [
        Part(part.position, part.header) if part.why == "agreed" and part.column in said else part for part in listed
    ]


def check_claims(parts: Iterable[Part], ask: errors.Ask) -> None:
    """Ask where two headers give the same column, and no table says which counts."""
    claims: dict[str, Part] = {}
    for part in parts:
        if not part.column or part.joins or part.position is None or fold_cell(part.header) in CARRIED:
            continue
        other = claims.setdefault(part.column, part)
        if other is not part and not (
            "first_of_repeated" in part.steps and fold_header(other.header) == fold_header(part.header)
        ):
            ask(errors.two_headers(other.header, part.header, part.column))


def in_order(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """Return the parts of each column: the one that gives it by itself first, then those that fill or add to it."""
    found: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        if part.column:
            found[part.column].append(part)
    return {column: sorted(several, key=_rank) for column, several in found.items()}


def _rank(part: Part) -> tuple[int, int]:
    adds = any(step in part.steps for step in ADDING)
    fills = "only_if_blank" in part.steps
    return (
        2 if adds else 1 if fills or part.position is None else 0
    ), part.position if part.position is not None else 10_000


#: Entity → what a mapping may name besides the columns of files.
MAPPABLE = {
    "contacts": ("full_name", "company_domain"),
    "companies": (),
    "deals": (*FOREIGN,),
    "activities": ("contact_name",),
}
