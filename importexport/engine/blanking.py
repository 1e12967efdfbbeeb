"""Optional cells that cannot be read, and are left blank instead of rejecting their row."""

from collections.abc import Collection, Sequence

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import hints_of
from importexport.engine.fixes import Fix
from importexport.engine.options import Options
from importexport.engine.spec import EXTERNAL_ID

#: Errors that reject a row whatever the options say: contract.md, spreadsheet error values.
ALWAYS = ("required", "spreadsheet_error")
#: Errors about a record that a cell names and that is not there.
ABOUT_RECORDS = ("not_found",)


class Blanking:
    """Decides which cells are left blank: with ``invalid=blank`` all that cannot be read, of columns that are not
    needed; of ``soft`` columns, those that name a record which does not exist; and what the fixes ``blanks`` say.

    An external id is never left blank: without it, or with another source, the row would be another record.
    """

    def __init__(
        self, options: Options, *, needed: Collection[str], soft: Collection[str], blanks: Sequence[Fix] = ()
    ) -> None:
        self._is_on, self._soft, self._blanks = options.invalid == "blank", soft, blanks
        self._needed = {*needed, *EXTERNAL_ID.columns}

    def applies_to(self, column: Column) -> bool:
        """Whether cells of a column may be left blank."""
        return self._applies_by_itself(column) or bool(self._chosen(column.column_name))

    def _applies_by_itself(self, column: Column) -> bool:
        name = column.column_name
        is_soft = not {name, *hints_of(column)}.isdisjoint(self._soft)
        return (self._is_on and name not in self._needed) or is_soft

    def _chosen(self, name: str) -> list[Fix]:
        """Return the fixes that leave cells of a column blank."""
        return [fix for fix in self._blanks if fix.column == name and name not in self._needed]

    def take(self, column: Column, cells: Cells) -> tuple[dict[int, errors.RowWarning], dict[int, tuple[str, Fix]]]:
        """Blank the cells of a column that have an error, and take the errors away.

        Returns a warning for each by its position; of those that fixes leave blank, the former text and the fix.
        """
        name = column.column_name
        found: dict[int, errors.RowWarning] = {}
        fixed: dict[int, tuple[str, Fix]] = {}
        chosen, applies = self._chosen(name), self._applies_by_itself(column)
        for i, wrong in cells.errors.items():
            if not (error := wrong.get(name)):
                continue
            if fix := next((fix for fix in chosen if fix.is_about(name, error)), None):
                fixed[i] = cells.text(name)[i], fix
            elif applies and self._may_blank(error):
                found[i] = errors.left_blank(name, error)
            else:
                continue
            cells.unread[i][name] = wrong.pop(name)
        for each in (name, *hints_of(column)):
            cells.blank(each, [*found, *fixed])
        return found, fixed

    def _may_blank(self, error: errors.RowError) -> bool:
        return error.code in ABOUT_RECORDS or (self._is_on and error.code not in ALWAYS)
