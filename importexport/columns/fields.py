"""A column of an entity, said once: header, attribute, kind, required, what it stores."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from import_export.fields import Field

from importexport import errors
from importexport.columns.cells import Cells, error_values, prepare
from importexport.columns.widgets import Cell
from importexport.files.formula import mark
from importexport.files.table import Batch
from importexport.sources.layout import Target


class Column(Field):
    """A column that reads and writes one field of a model.

    ``first_name = Column(Text, Contact.first_name, required=True)``: the attribute's name is the header, the widget
    takes its limits from the model field. A reference shows an attribute of the record it leads to (``shows``). Files
    can have columns that are not in templates (``in_template``), and exports only where they are asked for. One that
    ``finds`` the record of another column is read by that column, and stores nothing itself.
    """

    def __init__(
        self,
        widget: type[Cell],
        source: Any,
        *,
        required: bool = False,
        shows: str = "",
        in_template: bool = True,
        finds: str = "",
    ) -> None:
        self.source: models.Field = source.field
        attribute = f"{self.source.name}__{shows}" if shows else self.source.name
        shown: Any = self.source.related_model._meta.get_field(shows) if shows else self.source
        super().__init__(attribute=attribute, widget=widget.for_field(shown))
        self.required, self.in_template, self.finds = required, in_template, finds
        self.stores: str = self.source.column

    @property
    def target(self) -> Target:
        """What another program's file has to know of the column."""
        return Target(self.column_name, self.widget.form, tuple(getattr(self.widget, "values", ())))

    @property
    def help(self) -> str:
        """What a user should write into the column."""
        return f"the external_id of an existing record, instead of {self.finds}" if self.finds else self.widget.help

    def clean(self, row: Mapping[str, Any], **kwargs: Any) -> Any:
        """Return the value of one row's cell; raise ValueError with the sentence for the user."""
        cell = as_text(row.get(self.column_name))
        (value,) = prepare([cell])
        if error_values([cell], [value]):
            raise ValueError(errors.spreadsheet_error(self.column_name, value))
        if self.required and not value:
            raise ValueError(errors.required(self.column_name))
        return self.widget.clean(value, row=row, column=self.column_name)

    def clean_cells(self, cells: Cells, *, required: bool) -> None:
        """Clean this column of a batch: what it stores, and its errors, go back into ``cells``.

        A cell that has an error already keeps that one.
        """
        stored, wrong = self.widget.clean_cells(cells, self.column_name)
        cells.stored[self.stores] = stored
        if required:
            texts = cells.text(self.column_name)
            if not all(texts):
                wrong = wrong | {i: errors.required(self.column_name) for i, text in enumerate(texts) if not text}
        for position, error in wrong.items():
            cells.errors[position].setdefault(self.column_name, error)

    def save(self, instance: Any, row: Mapping[str, Any], is_m2m: bool = False, **kwargs: Any) -> None:
        """Set on a record what one row's cell says; of a reference, the id.

        A cell that depends on other columns goes by what they have set before: save them in the order of import.
        Raises ValueError with the sentence for the user.
        """
        cells = cells_of(row, instance)
        before = dict(cells.stored)
        self.widget.look_at(instance, cells)
        self.clean_cells(cells, required=self.required)
        if self.column_name in cells.errors[0]:
            raise ValueError(cells.errors[0][self.column_name])
        for field in stored_fields(instance):
            (stored,) = cells.stored[field.column]
            if field.column == self.stores:
                setattr(instance, field.attname, self.widget.load(stored, field))
            elif [stored] != before[field.column]:
                # A stage can bring its pipeline along.
                setattr(instance, field.attname, field.to_python(stored))

    def export(self, instance: Any, *, force_native_type: bool = False, **kwargs: Any) -> Any:
        """Return a record's cell as a CSV export writes it, text that a spreadsheet would run marked.

        With ``force_native_type``, which the library asks for where it writes a workbook, numbers and dates are such.
        """
        value = self.get_value(instance) if self._is_readable(instance) else None
        if self.widget.kind == "text":
            return mark(self.widget.render(value, instance))
        return self.widget.native(value) if force_native_type else self.widget.render(value, instance)

    def _is_readable(self, instance: Any) -> bool:
        """Whether an import finds the column's record by what an export shows of it: by its id in the row's source."""
        related = getattr(instance, self.source.name) if self.finds else None
        return related is None or related.external_source == instance.external_source


def as_text(cell: Any) -> str:
    """Return a cell of a tablib Dataset as a file has it."""
    return "" if cell is None else str(cell)


def cells_of(row: Mapping[str, Any], instance: Any) -> Cells:
    """Return one row as a batch, in which a record's fields are what other columns have stored."""
    cells = Cells(Batch([1], [[]], {name: [as_text(cell)] for name, cell in row.items()}))
    for field in stored_fields(instance):
        value = getattr(instance, field.attname)
        cells.stored[field.column] = [None if value is None else str(value)]
    return cells


def stored_fields(instance: Any) -> list[Any]:
    """Return a record's fields, without those that the database fills."""
    return [field for field in instance._meta.concrete_fields if not field.generated]
