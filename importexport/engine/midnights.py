"""Columns of times that are midnight in every row: the program that wrote the file has probably lost the times.

In a column of dates, that matters where the tenant's time zone makes another day of it.
"""

import re
from collections import Counter
from collections.abc import Iterable

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.widgets import Day, Moment

#: The fewest times that say something about a column.
FEWEST = 2
_MIDNIGHT = re.compile(r"[0-9-]{10}[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)")


class Midnights:
    """Counts the times in each column, batch by batch, and notices one that is not midnight in UTC.

    A date alone is no time: it says that there was none.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self._left = [column for column in columns if isinstance(column.widget, Moment) or moves_days(column)]
        self._counts: Counter[str] = Counter()

    def add(self, cells: Cells) -> None:
        """Take a batch's cells into account, once they are cleaned."""
        for column in [*self._left]:
            texts, stored = cells.text(column.column_name), cells.stored[column.stores]
            times = [(value, text) for value, text in zip(stored, texts, strict=True) if value and ":" in text]
            if all(is_moved(*time) if moves_days(column) else is_midnight(time[0]) for time in times):
                self._counts[column.column_name] += len(times)
            else:
                self._left.remove(column)

    @property
    def found(self) -> dict[str, tuple[int, errors.RowWarning]]:
        """The columns whose times are all midnight, each with their number and the warning about it."""
        counts = {column: self._counts[column.column_name] for column in self._left}
        return {
            column.column_name: (
                count,
                errors.midnights(column.column_name, count, is_day_before=moves_days(column)),
            )
            for column, count in counts.items()
            if count >= FEWEST
        }


def moves_days(column: Column) -> bool:
    """Whether a column has dates, and its tenant's time zone is another one than that of ``00:00:00Z``."""
    return isinstance(column.widget, Day) and column.widget.zone.key != "UTC"


def is_midnight(stored: str) -> bool:
    """Whether a time, as it is stored, is midnight in UTC."""
    return stored.endswith("T00:00:00+00:00")


def is_moved(stored: str, text: str) -> bool:
    """Whether a date, as it is stored, is another one than that of its text, which is midnight in UTC."""
    return _MIDNIGHT.fullmatch(text) is not None and text[:10] != stored
