"""Optional cells that cannot be read, and are left blank instead of rejecting their row."""

from collections.abc import Collection

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import hints_of
from importexport.engine.options import Options
from importexport.engine.spec import EXTERNAL_ID

#: Errors that reject a row whatever the options say: contract.md, spreadsheet error values.
ALWAYS = ("required", "spreadsheet_error")
#: Errors about a record that a cell names and that is not there.
ABOUT_RECORDS = ("not_found",)


class Blanking:
    """Decides which cells are left blank: with ``invalid=blank`` all that cannot be read, of columns that are not
    needed; of ``soft`` columns, those that name a record which does not exist.

    An external id is never left blank: without it, or with another source, the row would be another record.
    """

    def __init__(self, options: Options, *, needed: Collection[str], soft: Collection[str]) -> None:
        self._is_on, self._soft = options.invalid == "blank", soft
        self._needed = {*needed, *EXTERNAL_ID.columns}

    def applies_to(self, column: Column) -> bool:
        """Whether cells of a column may be left blank."""
        name = column.column_name
        is_soft = not {name, *hints_of(column)}.isdisjoint(self._soft)
        return (self._is_on and name not in self._needed) or is_soft

    def take(self, column: Column, cells: Cells) -> dict[int, errors.RowWarning]:
        """Blank the cells of a column that have an error, take the errors away, and return a warning for each."""
        name, found = column.column_name, {}
        for i, wrong in cells.errors.items():
            if (error := wrong.get(name)) and self._may_blank(error):
                cells.unread[i][name] = wrong.pop(name)
                found[i] = errors.left_blank(name, error)
        for each in (name, *hints_of(column)):
            cells.blank(each, found)
        return found

    def _may_blank(self, error: errors.RowError) -> bool:
        return error.code in ABOUT_RECORDS or (self._is_on and error.code not in ALWAYS)
