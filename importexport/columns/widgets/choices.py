"""Cells with one of several values."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from crm.characters import without_invisible
from crm.currencies import CURRENCIES
from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.widgets.base import Cell, Cleaned
from importexport.files.header import fold_label


class Choice(Cell):
    """One of several values. Case, spaces, ``-`` and ``_`` are ignored."""

    form = "choice"

    def __init__(self, values: Iterable[str], *, blank: str | None = None) -> None:
        super().__init__()
        self.values = list(values)
        self.blank = self.blank_stored = blank
        self._known = {fold_label(value): value for value in self.values}
        self.help = "one of " + ", ".join(self.values)
        self.example = self.values[0]

    @classmethod
    def for_field(cls, field: models.Field) -> "Choice":
        return cls([value for value, _ in field.flatchoices], blank=field.default if field.has_default() else None)

    def parse(self, value: str, column: str) -> str:
        try:
            return self._known[fold_label(value)]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class Currency(Choice):
    """An ISO 4217 code in current use. Blank means the tenant's currency."""

    form = "currency"

    def __init__(self) -> None:
        super().__init__(sorted(CURRENCIES))
        self._known = {code.casefold(): code for code in CURRENCIES}
        self.help = "ISO 4217 code; blank: the tenant's currency"
        self.example = "EUR"

    @classmethod
    def for_field(cls, field: models.Field) -> "Currency":
        return cls()

    def bind(self, tenant: Any) -> None:
        """Use the tenant's currency for blank cells."""
        self.blank = self.blank_stored = tenant.currency

    def parse(self, value: str, column: str) -> str:
        """Return the code in upper case. Unlike in choices, spaces are not ignored."""
        try:
            return self._known[without_invisible(value).casefold()]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class ActivityStatus(Choice):
    """A status. Blank means ``completed`` if the row has a completion time, else ``pending``."""

    cleared_sql = "CASE WHEN {completed_at} IS NULL THEN 'pending' ELSE 'completed' END"

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill blank cells depending on completed_at."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stored["completed_at"], strict=True)
        return [value if text or not done else "completed" for value, text, done in filled], wrong
