"""How the cells of another program's file become cells of ours: worked out once, applied to every batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from importexport.files.header import Header, fold_label
from importexport.sources.dates import iso
from importexport.sources.fill import LISTS, OUR_LISTS, Change, Column, ColumnFiller, Condition, Filled, Piece
from importexport.sources.finish import (
    CURRENCY_MARK,
    Finish,
    add_times,
    defaults,
    fill_blanks,
    first_lines,
    reject_nameless,
    reject_others,
    settle_currencies,
    settle_deals,
    split_names,
)
from importexport.sources.lists import maybe_quoted_list, quoted_list, semicolon_list, triple_list
from importexport.sources.markup import html_text
from importexport.sources.numbers import currency_mark, percent, plain
from importexport.sources.parts import Part, in_order
from importexport.sources.presets import fold_header
from importexport.sources.values import Values

#: Step → what it does to a cell.
CHANGES: dict[str, Change] = {
    "html_text": html_text,
    "quoted_list": quoted_list,
    "split_semicolon": semicolon_list,
    "split_triple": triple_list,
    "fraction_to_percent": percent,
}
#: Forms of columns whose cells are dates; numbers; and choices.
DATES, NUMBERS, CHOICES = {"date", "moment"}, {"whole", "amount", "percent"}, {"choice", "currency"}


@dataclass(frozen=True)
class Target:
    """A column of ours, as far as a file of another program has to know it.

    ``form`` is the kind of its cells: ``text``, ``email``, ``tags``, ``choice``, ``currency``, ``whole``, ``amount``,
    ``percent``, ``date``, ``moment``; ``choices`` are its values, if it has a fixed list.
    """

    name: str
    form: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Formats:
    """How dates and numbers are read: as ours (``is_strict``), else by position, as the file or a caller says.

    What neither says of a position is not in them: its cells stay as they are.
    """

    is_strict: bool = True
    dates: Mapping[int, str] = field(default_factory=dict)
    decimals: Mapping[int, str] = field(default_factory=dict)
    #: Positions of numbers beside which currencies stand.
    currencies: frozenset[int] = frozenset()


@dataclass
class Layout:
    """The columns of a file as ours. Applied by ``files.table`` to each batch."""

    header: Header
    fillers: list[ColumnFiller]
    finishes: list[Finish]
    #: The columns that are left blank, and told, where they name no record.
    soft: frozenset[str] = frozenset()
    #: Columns without a cell of the file, with the same text in each row.
    constants: Mapping[str, str] = field(default_factory=dict)

    def fill(self, by_position: Sequence[Column], count: int) -> Filled:
        """Return the cells of a batch in our columns; ``by_position`` has them by their position in the file."""
        filled = Filled()
        for filler in self.fillers:
            filler.fill(by_position, count, filled)
        for finish in self.finishes:
            finish(filled)
        filled.columns |= {name: [text] * count for name, text in self.constants.items()}
        return filled


def make_layout(
    parts: Sequence[Part],
    *,
    entity: str,
    cells: Sequence[str],
    targets: Mapping[str, Target],
    formats: Formats,
    values: Mapping[str, Mapping[str, str | None]],
    header: Header,
    constants: Mapping[str, str],
    is_ours: bool = False,
    currency: str = "",
) -> Layout:
    """Return the layout of a file with some parts; ``values`` are what a caller says about the values of columns.

    ``currency`` is that of records without one. A file that ``is_ours`` has one number in a cell, whatever it looks
    like, and tags as we write them.
    """
    pieces = Pieces(cells, targets=targets, formats=formats, values=values, parts=parts, is_ours=is_ours)
    lists = OUR_LISTS if is_ours else LISTS
    fillers = [
        ColumnFiller(column, tuple(pieces.piece(part, column) for part in several), lists.get(column))
        for column, several in in_order(pieces.spread(parts)).items()
    ]
    finishes = list(find_finishes(parts, entity))
    blanks = blanks_of(values)
    if priced := next((part for part in parts if pieces.has_currencies(part)), None):
        finishes.append(settle_currencies(priced.header, blanks.get("currency", currency)))
    finishes += [fill_blanks(column, text) for column, text in blanks.items()]
    soft = frozenset(part.column for part in parts if "soft" in part.steps)
    return Layout(header, fillers, finishes, soft, constants)


def blanks_of(values: Mapping[str, Mapping[str, str | None]]) -> dict[str, str]:
    """Return what a caller says that blank cells mean, by column: ``{"activity_type": {"": "meeting"}}``."""
    return {column: text for column, meanings in values.items() if (text := meanings.get(""))}


class Pieces:
    """Makes the pieces of columns from parts."""

    def __init__(
        self,
        cells: Sequence[str],
        *,
        targets: Mapping[str, Target],
        formats: Formats,
        values: Mapping[str, Mapping[str, str | None]],
        parts: Sequence[Part],
        is_ours: bool = False,
    ) -> None:
        self._targets, self._formats, self._values, self._is_ours = targets, formats, values, is_ours
        self._positions = {fold_header(cell): position for position, cell in reversed(list(enumerate(cells)))}
        self._status = next((part.position for part in parts if part.column == "deal_status"), None)

    def spread(self, parts: Iterable[Part]) -> list[Part]:
        """Return the parts, those twice that may give two columns, and times of day under a name of their own."""
        result = []
        for part in parts:
            if "time_of" in part.steps:
                result.append(Part(part.position, part.header, "time_of_day", part.steps, part.why))
            else:
                result.append(part)
            if self.has_currencies(part):
                result.append(Part(part.position, part.header, CURRENCY_MARK, {}, part.why))
            if "by_label" in part.steps and self._label_of(part) is not None:
                result.append(Part(part.position, part.header, "mobile", {**part.steps, "only_if_blank": ""}, part.why))
        return result

    def has_currencies(self, part: Part) -> bool:
        """Whether a part gives amounts beside which currencies stand that a record can have."""
        is_first = part.position in self._formats.currencies and not part.joins
        return is_first and "currency" in self._targets and self._targets[part.column].form == "amount"

    def piece(self, part: Part, column: str) -> Piece:
        """Return a part with what is done to its cells."""
        prefix = self._positions.get(fold_header(part.steps["prefix"])) if "prefix" in part.steps else None
        return Piece(part, tuple(self._changes(part, column)), self._condition(part, column), prefix)

    def _condition(self, part: Part, column: str) -> Condition | None:
        if "if_status" in part.steps and self._status is not None:
            wanted = {fold_label(one) for one in part.steps["if_status"].split(",")}
            return Condition(self._status, lambda status: fold_label(status) in wanted)
        if "by_label" in part.steps and (position := self._label_of(part)) is not None:
            return Condition(position, is_mobile if column == "mobile" else is_no_mobile)
        return None

    def _label_of(self, part: Part) -> int | None:
        """Return the position of the header that says what kind of number stands in a part's cells."""
        start = part.header.rpartition(" - ")[0]
        places = (self._positions.get(fold_header(f"{start} - {word}")) for word in ("Label", "Type"))
        return next((place for place in places if place is not None), None)

    def _changes(self, part: Part, column: str) -> Iterable[Change]:
        """Yield what is done to the cells of a part: its steps, then what the column's form asks for."""
        if column == CURRENCY_MARK:
            yield currency_mark
            return
        yield from (CHANGES[step] for step in part.steps if step in CHANGES)
        target = self._targets.get(column, Target(column))
        given = self._values.get(column, {})
        if column == "body" and not self._is_ours and part.why != "source":
            yield html_text
        if target.form == "tags" and not self._is_ours and not part.steps.keys() & CHANGES.keys():
            yield maybe_quoted_list
        if target.form in CHOICES or given or "map" in part.steps:
            values = Values(own=target.choices, given=given, map_name=self._map_name(part, target))
            if values:
                yield values.each_meant if target.form == "tags" else values.meant
        if not self._formats.is_strict and part.position is not None:
            yield from self._format_changes(part.position, target)

    def _map_name(self, part: Part, target: Target) -> str:
        if "map" in part.steps:
            return part.steps["map"]
        return target.name if target.form in CHOICES else ""

    def _format_changes(self, position: int, target: Target) -> Iterable[Callable[[str], str]]:
        dates, decimals = self._formats.dates, self._formats.decimals
        if target.form in DATES and dates.get(position, "iso") != "iso":
            yield partial(iso, order=dates[position])
        elif target.form in NUMBERS and position in decimals:
            yield partial(plain, separator=decimals[position], is_percent=target.form == "percent")


def is_mobile(label: str) -> bool:
    """Whether the label of a phone number says that it is a mobile one."""
    return fold_label(label.lstrip("* ")) in {"mobile", "cell", "mobil", "móvil", "handy", "mobilephone"}


def is_no_mobile(label: str) -> bool:
    """Whether the label of a phone number says anything else, or nothing."""
    return not is_mobile(label)


def header_of(column: str, parts: Iterable[Part]) -> str:
    """Return the first header that gives a column; "" if none does."""
    return next((part.header for part in parts if part.column == column), "")


def find_finishes(parts: Sequence[Part], entity: str) -> Iterable[Finish]:
    """Yield what takes several columns at once."""
    yield from (reject_nameless(part.header) for part in parts if "needed" in part.steps)
    if full := header_of("full_name", parts):
        yield split_names(full)
    if status := header_of("deal_status", parts):
        yield settle_deals(status, header_of("stage_name", parts))
    for part in parts:
        if "only" in part.steps:
            yield reject_others(part.steps["only"], entity)
        if "time_of" in part.steps:
            date_header = fold_header(part.steps["time_of"])
            date_column = next((one.column for one in parts if fold_header(one.header) == date_header), "due_date")
            yield add_times(date_column)
        if "first_line" in part.steps:
            yield first_lines(part.column, part.steps["first_line"])
        if "default" in part.steps:
            yield defaults(part.steps["default"], part.column)
