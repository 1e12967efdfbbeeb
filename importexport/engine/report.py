"""The report of an import: counts, and one message per rejected row."""

import io
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from import_export.results import Error, Result, RowResult

from importexport import errors
from importexport.engine.groups import GROUPS, Groups, group
from importexport.engine.outcome import Outcome

_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Messages:
    """The messages in row order. Above a megabyte they are kept on disk: a million rows may be rejected."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - lives as long as the report
        self._count = 0

    def extend(self, messages: Sequence[str]) -> None:
        self._count += len(messages)
        self._file.seek(0, io.SEEK_END)
        self._file.write("".join(f"{text}\n" for text in map(_to_json, messages)).encode())

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        return map(json.loads, self._file)


class Report(Result):
    """The library's Result with the contract's counts.

    A rejected row counts as *skipped*, never as an error, because an error would roll back the valid rows. Unchanged
    rows are skipped as well. For a tablib Dataset, ``rows`` has the first results (see RowResults); for a streamed file
    it is empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages = Messages()
        self.ignored_columns: list[str] = []
        #: How many cells of each ignored column are filled, in all rows; "": of all columns without a name.
        self.ignored_cells: dict[str, int] = {}
        #: The ignored columns that the program which wrote the file is known to have.
        self.foreign_columns: Collection[str] = ()
        #: The columns whose times are all midnight, each with their number and the warning (see Midnights).
        self.midnights: dict[str, tuple[int, errors.RowWarning]] = {}
        #: The ranges of merged cells in a workbook's sheet.
        self.merged: Sequence[str] = ()
        self._doubtful = Groups()
        #: Ignored column → the column that may be meant.
        self.column_hints: dict[str, str] = {}
        #: The number of records that already had the values of their row and were not written.
        self.unchanged = 0

    @property
    def imported(self) -> int:
        """The number of accepted rows: created, updated and unchanged."""
        return self.created + self.updated + self.unchanged

    @property
    def created(self) -> int:
        """The number of created records."""
        return self.totals[RowResult.IMPORT_TYPE_NEW]

    @property
    def updated(self) -> int:
        """The number of updated records."""
        return self.totals[RowResult.IMPORT_TYPE_UPDATE]

    @property
    def skipped(self) -> int:
        """The number of rejected rows."""
        return len(self.messages)

    @property
    def dropped(self) -> dict[str, int]:
        """The ignored columns that have values, each with the number of its filled cells."""
        return {name: filled for name, filled in self.ignored_cells.items() if filled}

    @property
    def warning_count(self) -> int:
        """The number of warnings: one for each doubtful cell that is stored, each ignored column with values, each
        column whose times are all midnight, and one for all merged cells."""
        return len(self.dropped) + len(self.midnights) + bool(self.merged) + self._doubtful.count

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """The warnings in groups (see ImportRun.warnings): ignored columns first."""
        groups = [self._ignored_group(name, filled) for name, filled in self.dropped.items()]
        for name, (count, warning) in self.midnights.items():
            groups.append(group(warning.code, name, count, warning, warning))
        if self.merged:
            warning = errors.merged_cells(self.merged)
            groups.append(group(warning.code, "", len(self.merged), warning, warning))
        return [*groups, *self._doubtful.listed()][:GROUPS]

    def _ignored_group(self, name: str, filled: int) -> dict[str, Any]:
        warning = errors.ignored_column(name, filled, is_known=name in self.foreign_columns)
        return group(warning.code, name, filled, warning, warning)

    def has_errors(self) -> bool:
        """Whether the file or a hook failed, so that nothing was imported. Rejected rows do not count as errors."""
        return bool(self.base_errors)

    def row_errors(self) -> list[tuple[int, list[Error]]]:
        """Return the errors of the rows in ``rows``, by row number."""
        return [(row.number, row.errors) for row in self.rows if row.errors]

    def add(self, outcome: Outcome) -> None:
        """Count the rows of a batch and keep the messages of the rejected ones."""
        self.total_rows += outcome.rows
        self.totals[RowResult.IMPORT_TYPE_NEW] += outcome.count("create")
        self.totals[RowResult.IMPORT_TYPE_UPDATE] += outcome.count_changes("update")
        self.totals[RowResult.IMPORT_TYPE_SKIP] += len(outcome.rejected) + outcome.count("unchanged")
        self.unchanged += outcome.count("unchanged")
        self._doubtful.add(outcome.warnings)
        if outcome.rejected:
            self.messages.extend([rejection.message for rejection in outcome.rejected])

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the contract's result body."""
        return result_chunks(self.total_rows, self.imported, self.skipped, self.messages)


def result_chunks(total: int, imported: int, skipped: int, messages: Iterable[str]) -> Iterator[bytes]:
    """Yield the contract's result body in pieces."""
    yield f'{{"totalRows": {total}, "imported": {imported}, "skipped": {skipped}, "errors": ['.encode()
    separator = ""
    lines = map(_to_json, messages)
    while batch := list(islice(lines, 1000)):
        yield (separator + ", ".join(batch)).encode()
        separator = ", "
    yield b"]}"
