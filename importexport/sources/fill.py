"""Fills our columns from the cells of another program's file, a column of a batch at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from crm.characters import trim
from importexport import errors
from importexport.files.formula import unmark
from importexport.files.header import fold_label
from importexport.files.workbooks.numbers import TYPED
from importexport.sources.lists import split_emails, split_phones
from importexport.sources.parts import ADDING, Part

Column = Sequence[str]
Change = Callable[[str], str]
#: What separates the parts of a column.
SEPARATORS = {"address": ", ", "notes": "\n", "body": "\n"}
#: The columns that have one value where other programs may have a list, and how that is split.
LISTS: dict[str, Callable[[str], list[str]]] = {
    "email": split_emails, "contact_email": split_emails, "phone": split_phones, "mobile": split_phones,
}  # fmt: skip
#: The same for files of ours: a cell with two numbers may be one that we have stored.
OUR_LISTS = {column: split for column, split in LISTS.items() if split is split_emails}


@dataclass
class Filled:
    """A batch in our columns, with the errors and warnings about its rows by position."""

    columns: dict[str, Column] = field(default_factory=dict)
    faults: dict[int, dict[str, errors.RowError]] = field(default_factory=lambda: defaultdict(dict))
    warnings: dict[int, list[tuple[str, errors.RowWarning]]] = field(default_factory=lambda: defaultdict(list))

    def warn(self, position: int, column: str, warning: errors.RowWarning) -> None:
        """Note a warning about a cell."""
        self.warnings[position].append((column, warning))


class Condition(NamedTuple):
    """That the cell at another position of the row passes a test."""

    position: int
    holds: Callable[[str], bool]


@dataclass(frozen=True)
class Piece:
    """A part with what is done to its cells, in order.

    Its cells count only where the condition ``when`` holds; those at the position ``prefix`` are put in front.
    """

    part: Part
    changes: tuple[Change, ...] = ()
    when: Condition | None = None
    prefix: int | None = None

    @property
    def adds(self) -> bool:
        """Whether the piece is added to others, instead of filling their blanks."""
        return any(step in self.part.steps for step in ADDING)

    def cells(self, by_position: Sequence[Column], count: int) -> Column:
        """Return the part's cells, changed; of a part without a header, the same in every row."""
        if self.part.position is None:
            return [self.part.steps.get("always", "")] * count
        cells = changed(by_position[self.part.position], self.changes)
        if "append_labelled" in self.part.steps:
            label = self.part.header.rpartition(" - ")[2]
            cells = [f"{label}: {cell}" if cell.strip() else "" for cell in cells]
        if self.prefix is not None:
            cells = [f"{first} {cell}".strip() for first, cell in zip(by_position[self.prefix], cells, strict=True)]
        if self.when:
            known = {cell: self.when.holds(trim(cell)) for cell in set(by_position[self.when.position])}
            others = by_position[self.when.position]
            cells = [cell if known[other] else "" for cell, other in zip(cells, others, strict=True)]
        return cells


def changed(cells: Column, changes: Iterable[Change]) -> Column:
    """Return cells with each distinct one changed once; without changes, they stay as they are."""
    listed = list(changes)
    if not listed:
        return cells
    known = {cell: change(cell, listed) for cell in set(cells)}
    return [known[cell] for cell in cells]


def may_have_lists(cells: Column) -> bool:
    """Whether any cell has what separates entries, or what stands around an address; one look at all is fastest."""
    joined = "\0".join(cells)
    return any(sign in joined for sign in (",", ";", ":", "<", "\n"))


def change(cell: str, changes: Iterable[Change]) -> str:
    """Return a cell after some changes; one that they leave alone keeps its formula mark."""
    before = text = trim(unmark(cell)) + (TYPED if cell.endswith(TYPED) else "")
    for one in changes if text else ():
        text = one(text)
    return cell if text == before else text


@dataclass(frozen=True)
class ColumnFiller:
    """Fills one of our columns: the first piece gives it, others fill its blanks or are added.

    ``split`` returns the entries of a cell where another program may have a list.
    """

    column: str
    pieces: tuple[Piece, ...]
    split: Callable[[str], list[str]] | None = None

    def fill(self, by_position: Sequence[Column], count: int, filled: Filled) -> None:
        """Fill the column of a batch, and tell which values found no room."""
        first, *others = self.pieces
        self._tell_translations(by_position, filled)
        values = self._one_of(first.cells(by_position, count), filled)
        for piece in others:
            more = piece.cells(by_position, count)
            if piece.adds:
                values = [self._joined(value, other, piece.part) for value, other in zip(values, more, strict=True)]
            elif any(more):
                values = self._filled_up(values, self._one_of(more, filled), piece.part, filled)
        filled.columns[self.column] = values

    def _tell_translations(self, by_position: Sequence[Column], filled: Filled) -> None:
        """Tell the cells whose value goes through a map that several values share: ``Bad Fit`` → ``lead``."""
        for piece in self.pieces:
            if "map" in piece.part.steps and piece.part.position is not None:
                before = by_position[piece.part.position]
                for i, (cell, meant) in enumerate(zip(before, changed(before, piece.changes), strict=True)):
                    if fold_label(cell) != fold_label(meant):
                        filled.warn(i, self.column, errors.translated(trim(cell), piece.part.header, meant))

    def _one_of(self, cells: Column, filled: Filled) -> Column:
        """Return the first entry of each cell where it may be a list, and tell the others."""
        split = self.split
        if not split or not may_have_lists(cells):
            return cells
        several = {cell: entries for cell in set(cells) if cell and (entries := split(trim(cell))) != [trim(cell)]}
        if not several:
            return cells
        for i, cell in enumerate(cells):
            for entry in several.get(cell, ())[1:]:
                filled.warn(i, self.column, errors.second_value(self.column, entry))
        return [several[cell][0] if cell in several else cell for cell in cells]

    def _filled_up(self, values: Column, more: Column, part: Part, filled: Filled) -> Column:
        result = []
        for i, (value, other) in enumerate(zip(values, more, strict=True)):
            is_blank = not trim(value)
            if not is_blank and part.position is not None and (left := trim(other)) and left != trim(value):
                filled.warn(i, self.column, errors.second_value(self.column, left, part.header))
            result.append(other if is_blank else value)
        return result

    def _joined(self, value: str, other: str, part: Part) -> str:
        text = trim(other)
        if not text:
            return value
        separator = " " if "append_word" in part.steps else SEPARATORS.get(self.column, " ")
        return f"{trim(value)}{separator}{text}" if trim(value) else text
