"""A column of an entity, said once: header, attribute, kind, required, what it stores."""

from typing import Any

from django.db import models
from import_export.fields import Field

from importexport import errors
from importexport.columns.cells import Cells, prepare
from importexport.columns.widgets import Cell


class Column(Field):
    """A column that reads and writes one field of a model.

    ``first_name = Column(Text, Contact.first_name, required=True)``: the attribute's name is the header, the widget
    takes its limits from the model field. A reference shows an attribute of the record it leads to (``shows``).
    """

    def __init__(self, widget: type[Cell], source: Any, *, required: bool = False, shows: str = "") -> None:
        self.source: models.Field = source.field
        attribute = f"{self.source.name}__{shows}" if shows else self.source.name
        super().__init__(attribute=attribute, widget=widget.for_field(self.source))
        self.required = required
        self.stores: str = self.source.column

    @property
    def help(self) -> str:
        """What a user should write into the column."""
        return self.widget.help

    def clean(self, row: dict[str, str], **kwargs: Any) -> Any:
        """Return the value of one row's cell; raise ValueError with the sentence for the user."""
        (value,) = prepare([row.get(self.column_name) or ""])
        if self.required and not value:
            raise ValueError(errors.required(self.column_name))
        return self.widget.clean(value, row=row, column=self.column_name)

    def clean_cells(self, cells: Cells, *, required: bool) -> None:
        """Clean this column of a batch: what it stores, and its errors, go back into ``cells``."""
        stored, wrong = self.widget.clean_cells(cells, self.column_name)
        cells.stored[self.stores] = stored
        if required:
            texts = cells.text(self.column_name)
            if not all(texts):
                wrong = wrong | {i: errors.required(self.column_name) for i, text in enumerate(texts) if not text}
        for position, error in wrong.items():
            cells.errors[position][self.column_name] = error
