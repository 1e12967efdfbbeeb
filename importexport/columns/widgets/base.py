"""The base class of widgets."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import models
from import_export.widgets import Widget

from importexport import errors
from importexport.columns.cells import Cells

#: The COPY text of each cell, and the errors by position.
Cleaned = tuple[list[str | None], dict[int, errors.RowError]]


class Cell(Widget):
    """Base class. Subclasses implement ``parse`` and, unless ``str`` is sufficient, ``store`` and ``render``."""

    #: What other programs' cells are read as (see sources.layout.Target).
    form: ClassVar[str] = "text"
    #: The cell type in a workbook.
    kind: ClassVar[str] = "text"
    #: ``render`` in SQL; ``{0}`` is the stored expression.
    sql: ClassVar[str] = "{0}"
    #: The value of a blank cell, and its COPY text.
    blank: Any = None
    blank_stored: str | None = None
    #: The SQL value for an existing record whose cell is cleared; ``{column}`` stands for its other columns.
    #: "" means the value of a blank cell.
    cleared_sql: ClassVar[str] = ""
    #: Whether cleaning a cell requires other records, or another column that does.
    needs_records: ClassVar[bool] = False
    #: What to write in a cell, for templates and column help.
    help: str = ""
    example: str = ""

    @classmethod
    def for_field(cls, field: models.Field) -> "Cell":
        """Return a widget with the limits of a model field."""
        return cls()

    def bind(self, tenant: Any) -> None:
        """Take over the tenant's defaults for parsing."""

    def parse(self, value: str, column: str) -> Any:
        """Return the value of a cell; raise ValueError with a message for the user."""
        raise NotImplementedError

    def store(self, value: Any) -> str | None:
        """Return the COPY text of a value."""
        return str(value)

    def clean(self, value: str | None, row: Mapping | None = None, *, column: str = "value", **_: Any) -> Any:
        """Return the value of a prepared or blank cell; raise ValueError with a message for the user."""
        return self.parse(value, column) if value else self.blank

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        """Return the text of a value, without formula mark."""
        return "" if value is None else str(value)

    def native(self, value: Any) -> Any:
        """Return the value for a workbook cell."""
        return value

    def load(self, stored: str | None, field: models.Field) -> Any:
        """Return the model field's value for a COPY text."""
        return field.to_python(stored)

    def look_at(self, record: Any, cells: Cells) -> None:
        """Read the values from a record that parsing depends on, apart from the record's own columns."""

    def render_kept(self, value: Any) -> str:
        """Return the text of a value loaded from JSON (see models.RowChange)."""
        return self.render(value)

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Clean a column of a batch. Override to use other columns of the same row."""
        return self.clean_column(cells.text(column), column=column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Return the COPY text of each cell and the errors by position. Each distinct cell is parsed once."""
        known: dict[str, str | None] = {"": self.blank_stored}
        wrong: dict[str, errors.RowError] = {}
        for value in set(values):
            if value:
                known[value] = self._try(value, column, wrong)
        return [known[value] for value in values], spread(values, wrong)

    def _try(self, value: str, column: str, wrong: dict[str, errors.RowError]) -> str | None:
        try:
            return self.store(self.parse(value, column))
        except ValueError as error:
            wrong[value] = error.args[0]
            return None


def spread(values: Sequence[str], wrong: Mapping[str, errors.RowError]) -> dict[int, errors.RowError]:
    """Convert errors by value to errors by position."""
    return {i: wrong[value] for i, value in enumerate(values) if value in wrong} if wrong else {}
