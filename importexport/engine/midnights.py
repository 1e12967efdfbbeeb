"""Columns of times that are midnight in every row: the program that wrote the file has probably lost the times."""

from collections import Counter
from collections.abc import Iterable

from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.widgets import Moment

#: The fewest times that say something about a column.
FEWEST = 2


class Midnights:
    """Counts the times in each column, batch by batch, and notices one that is not midnight in UTC.

    A date alone is no time: it says that there was none.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self._left = [column for column in columns if isinstance(column.widget, Moment)]
        self._counts: Counter[str] = Counter()

    def add(self, cells: Cells) -> None:
        """Take a batch's cells into account, once they are cleaned."""
        for column in [*self._left]:
            texts, stored = cells.text(column.column_name), cells.stored[column.stores]
            times = [value for value, text in zip(stored, texts, strict=True) if value and ":" in text]
            if all(value.endswith("T00:00:00+00:00") for value in times):
                self._counts[column.column_name] += len(times)
            else:
                self._left.remove(column)

    @property
    def found(self) -> dict[str, int]:
        """The columns whose times are all midnight, each with their number."""
        names = (column.column_name for column in self._left)
        return {name: self._counts[name] for name in names if self._counts[name] >= FEWEST}
