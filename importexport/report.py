"""What an import did: counts, one message per refused row, and the refused rows themselves."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from import_export.results import Result, RowResult

from importexport import faults
from importexport.headers import ERROR_COLUMN, fold_label

_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Refusal(NamedTuple):
    """A refused row: its number in the file, its cells as they were, and what is wrong with which column ("" where
    the whole row is at fault)."""

    number: int
    cells: list[str]
    faults: list[tuple[str, faults.Fault]]

    @property
    def message(self) -> str:
        """The one message of the row."""
        return faults.at_row(self.number, [fault for _, fault in self.faults])


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
        return map(json.loads, self.json_lines())

    def json_lines(self) -> Iterator[bytes]:
        """Yield each message as a JSON string, and a line feed."""
        self._file.seek(0)
        yield from self._file


class Report(Result):
    """The library's Result with the contract's counts.

    A refused row is a *skip*, never an error: an error would roll back the good rows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages = Messages()
        self.ignored_columns: list[str] = []

    @property
    def imported(self) -> int:
        """How many rows were stored."""
        return self.totals[RowResult.IMPORT_TYPE_NEW]

    @property
    def skipped(self) -> int:
        """How many rows were refused."""
        return self.totals[RowResult.IMPORT_TYPE_SKIP]

    def add(self, *, imported: int, messages: Sequence[str]) -> None:
        """Count a batch: rows stored, and the message of each refused row in row order."""
        self.total_rows += imported + len(messages)
        self.totals[RowResult.IMPORT_TYPE_NEW] += imported
        self.totals[RowResult.IMPORT_TYPE_SKIP] += len(messages)
        if messages:
            self.messages.extend(messages)

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the contract's result body, in pieces."""
        counts = (
            f'{{"totalRows": {self.total_rows}, "imported": {self.imported}, "skipped": {self.skipped}, "errors": ['
        )
        yield counts.encode()
        separator = b""
        lines = self.messages.json_lines()
        while batch := [line[:-1] for _, line in zip(range(1000), lines, strict=False)]:
            yield separator + b", ".join(batch)
            separator = b", "
        yield b"]}"


class RejectedRows:
    """The refused rows as they were, in the file's own columns and delimiter, with a last column ``import_error``."""

    def __init__(self, file: BinaryIO, *, header: Sequence[str], delimiter: str) -> None:
        self._file = file
        self._delimiter = delimiter
        self._width = len(header)
        self._kept = [i for i, cell in enumerate(header) if fold_label(cell) != fold_label(ERROR_COLUMN)]
        self._write([[*self._own(list(header)), ERROR_COLUMN]])

    def add(self, records: Iterable[list[str]], messages: Iterable[str]) -> None:
        """Append refused rows; cells beyond the header's stay, after the message."""
        self._write(
            [*self._own(record), message, *record[self._width :]]
            for record, message in zip(records, messages, strict=True)
        )

    def _own(self, record: list[str]) -> list[str]:
        return [record[i] if i < len(record) else "" for i in self._kept]

    def _write(self, rows: Iterable[list[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        self._file.write(text.getvalue().encode())
        # A full disk must be noticed while the import can still be undone.
        self._file.flush()
