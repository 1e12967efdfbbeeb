"""What an import did: counts, one message per rejected row, and the rejected rows themselves."""

import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from import_export.results import Error, Result, RowResult

from importexport.engine.outcome import Outcome

_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Messages:
    """The messages, in row order; beyond a megabyte they are kept on disk, for a million rows may be refused."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - lives as long as the report
        self._count = 0

    def extend(self, messages: Sequence[str]) -> None:
        """Add messages."""
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

    A rejected row is a *skip*, never an error: an error would roll back the good rows. So are the rows whose records
    were as they say. Of a tablib Dataset, the first ``rows`` are told of (see RowResults); a streamed file has none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages = Messages()
        self.ignored_columns: list[str] = []
        #: How many records were as the row says, and not written.
        self.unchanged = 0

    @property
    def imported(self) -> int:
        """How many rows were taken: those of records created, updated, and found to be as the row says."""
        return self.created + self.updated + self.unchanged

    @property
    def created(self) -> int:
        """How many records were created."""
        return self.totals[RowResult.IMPORT_TYPE_NEW]

    @property
    def updated(self) -> int:
        """How many records were changed."""
        return self.totals[RowResult.IMPORT_TYPE_UPDATE]

    @property
    def skipped(self) -> int:
        """How many rows were rejected."""
        return len(self.messages)

    def has_errors(self) -> bool:
        """Whether nothing was imported, for the file or a hook failed; what is wrong with a row is no such error."""
        return bool(self.base_errors)

    def row_errors(self) -> list[tuple[int, list[Error]]]:
        """Return what is wrong with the rows told of, by their number in the file."""
        return [(row.number, row.errors) for row in self.rows if row.errors]

    def add(self, outcome: Outcome) -> None:
        """Count what became of a batch's rows, and keep the message of each rejected one."""
        self.total_rows += outcome.rows
        self.totals[RowResult.IMPORT_TYPE_NEW] += outcome.count("create")
        self.totals[RowResult.IMPORT_TYPE_UPDATE] += outcome.count_changes("update")
        self.totals[RowResult.IMPORT_TYPE_SKIP] += len(outcome.rejected) + outcome.count("unchanged")
        self.unchanged += outcome.count("unchanged")
        if outcome.rejected:
            self.messages.extend([rejection.message for rejection in outcome.rejected])

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the contract's result body, in pieces."""
        return result_chunks(self.total_rows, self.imported, self.skipped, self.messages)


def result_chunks(total: int, imported: int, skipped: int, messages: Iterable[str]) -> Iterator[bytes]:
    """Yield the contract's result body, in pieces."""
    yield f'{{"totalRows": {total}, "imported": {imported}, "skipped": {skipped}, "errors": ['.encode()
    separator = ""
    lines = map(_to_json, messages)
    while batch := list(islice(lines, 1000)):
        yield (separator + ", ".join(batch)).encode()
        separator = ", "
    yield b"]}"
