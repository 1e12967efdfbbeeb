"""The different values of a file's choices, currencies, stages and pipelines, each with what it means to us."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm.characters import trim
from importexport.files.formula import unmark
from importexport.sources.fill import Change, Column, change
from importexport.sources.layout import CHOICES, Layout, Target
from importexport.sources.values import fold_value

#: Columns whose values are the names of records that somebody has set up, and that rows only refer to.
NAMES = ("stage_name", "pipeline_name")
#: The most different values of a column that are counted.
REMEMBERED = 10_000


@dataclass
class FoundValues:
    """The values of one of our columns in a file: how many cells have each, and what each means.

    Spellings that match are one value, the first of them. ``has_more`` says that there are more than are remembered.
    """

    column: str
    choices: Sequence[str] = ()
    counts: dict[str, int] = field(default_factory=dict)
    meanings: dict[str, str] = field(default_factory=dict)
    has_more: bool = False

    def add(self, cells: Column, changes: Sequence[Change], keys: dict[str, str]) -> None:
        """Count the cells of a batch; ``keys`` has the spelling of each value by its key."""
        for cell, count in Counter(cells).items():
            value = trim(unmark(cell))
            if not value:
                continue
            spelt = keys.get(key := fold_value(value))
            if spelt is None:
                if len(keys) == REMEMBERED:
                    self.has_more = True
                    continue
                spelt = keys[key] = value
                self.meanings[value] = change(value, changes)
            self.counts[spelt] = self.counts.get(spelt, 0) + count

    def is_choice(self, value: str) -> bool:
        """Whether a value means one of the column's choices, or nothing; of a column without choices, False."""
        meaning = self.meanings[value]
        return not meaning or meaning in self.choices


class ValueCounter:
    """Counts the values of all columns that have choices, or name stages and pipelines."""

    def __init__(self, layout: Layout, targets: Mapping[str, Target]) -> None:
        self.found: list[FoundValues] = []
        self._pieces = []
        for filler in layout.fillers:
            target = targets.get(filler.column)
            if target is None or not (target.form in CHOICES or target.name in NAMES):
                continue
            values, keys = FoundValues(target.name, target.choices), dict[str, str]()
            self.found.append(values)
            self._pieces += [(piece, values, keys) for piece in filler.pieces if piece.part.position is not None]

    def add(self, by_position: Sequence[Column]) -> None:
        """Take the cells of a batch into account, by their position in the file."""
        for piece, values, keys in self._pieces:
            values.add(by_position[piece.part.position], piece.changes, keys)  # type: ignore[index]
