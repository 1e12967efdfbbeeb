"""Workbooks (XLSX, XLSM, XLS, ODS) as a source of rows.

A workbook is read in a process of its own (``workbooks``): a damaged or malicious one can cost it no more than its
limits of memory and time, and while it reads, this process imports.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO, cast

from importexport import errors
from importexport.files.csv_reader import Start
from importexport.files.header_finder import HEAD, ROWS_ABOVE
from importexport.files.text.lines import CHUNK, Source
from importexport.files.text.overlong import Cut
from importexport.files.workbooks import frames
from importexport.files.workbooks.places import last_row

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
#: What the process needs of the environment, if it is set. It does not get our secrets.
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "LANG", "TMPDIR")
#: The signals by which the system ends a process that uses too much.
OVERUSE = (-signal.SIGKILL, -signal.SIGXCPU)


class WorkbookRows:
    """The rows of a sheet: the one named ``sheet``, or the only one that has any (see table.Rows).

    Raises FileError (NotCsv, TooLarge) for problems that concern the whole file.
    """

    #: Cells are not delimited by characters.
    delimiter = ""
    #: Rejected rows are written as CSV, which a spreadsheet takes for UTF-8 if there is a mark.
    has_mark = True
    may_read_ahead = True
    #: No cell of a workbook is that long.
    cut: Mapping[int, Cut] = {}

    def __init__(
        self, file: Source, *, sheet: str = "", start: Start | None = None, max_bytes: int | None = None
    ) -> None:
        self.broken: dict[int, list[int]] = {}
        self.merged: Sequence[str] = ()
        self.bytes_read = 0
        self._numbers: list[int] = []
        self._records: list[list[str]] = []
        self._length = 0
        self._is_at_end = False
        with tempfile.TemporaryFile() as copy:
            self._size = copy_file(file, copy, max_bytes=max_bytes)
            self.process = start_reader(copy, sheet)
        self._close = weakref.finalize(self, end_reader, self.process)
        self._frames = cast(BinaryIO, self.process.stdout)
        #: The name of the sheet.
        self.sheet: str
        _kind, self.sheet, self.header_row, self.header = self._next_frame()
        while start and self.header_row < start.row:
            self._drop_row()

    def move_header(self, find: Callable[[list[tuple[int, list[str]]]], int]) -> None:
        """Take another row than the first one for the header: the one whose number ``find`` returns, if it is not 0.

        It gets the first rows with their numbers.
        """
        numbers, records = self.next_rows(rows=ROWS_ABOVE, size=HEAD)
        self._numbers, self._records = numbers + self._numbers, records + self._records
        self._length += sum(sum(map(len, record)) for record in records)
        row = find([(self.header_row, self.header), *zip(numbers, records, strict=True)])
        while self.header_row < row:
            self._drop_row()

    def _drop_row(self) -> None:
        """Take the next row for the header."""
        numbers, records = self.next_rows(rows=1, size=0)
        if not numbers:
            raise errors.no_header()
        self.header_row, self.header = numbers[0], without_blank_end(records[0])

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the next filled rows and their numbers, at most ``rows``, and about ``size`` characters of text."""
        numbers, records = self._numbers, self._records
        length = self._length
        while not self._is_at_end and (not records or (len(records) < rows and length < size)):
            kind, *values = self._next_frame()
            if kind == frames.END:
                (merged,) = values
                self.merged = [name for name in merged if last_row(name) >= self.header_row]
                self._is_at_end = True
                self._close()
                break
            more_numbers, more, more_length, progress = values
            numbers += more_numbers
            records += more
            length += more_length
            self.bytes_read = int(self._size * progress)
        self._numbers, self._records = numbers[rows:], records[rows:]
        # About as much of the text as of the rows.
        self._length = length * len(self._records) // len(records) if records else 0
        return numbers[:rows], records[:rows]

    def _next_frame(self) -> tuple:
        """Return the next frame; raise FileError if it is an error, or the process has been ended."""
        try:
            frame = frames.read_frame(self._frames)
        except EOFError:
            raise self._failure() from None
        if frame[0] == frames.OTHER_TYPE:
            raise errors.NotCsv(frame[1])
        if frame[0] == frames.ERROR:
            _kind, code, sentence, question = frame
            raise errors.FileError(code, sentence, question and errors.Question(*question))
        return frame

    def _failure(self) -> errors.FileError:
        code = self.process.wait()
        logger.warning("The process that read a workbook ended with %s.", code)
        return errors.oversized_workbook() if code in OVERUSE else errors.damaged_workbook()


def without_blank_end(cells: list[str]) -> list[str]:
    """Return a row without the blank cells at its end."""
    width = max((i for i, cell in enumerate(cells, 1) if cell), default=0)
    return cells[:width]


def copy_file(file: Source, copy: IO[bytes], *, max_bytes: int | None) -> int:
    """Copy a file; return its size, or raise TooLarge."""
    size = 0
    while chunk := file.read(CHUNK):
        size += len(chunk)
        if max_bytes is not None and size > max_bytes:
            raise errors.TooLarge(max_bytes)
        copy.write(chunk)
    copy.seek(0)
    return size


def start_reader(file: IO[bytes], sheet: str) -> subprocess.Popen[bytes]:
    """Start the process that reads a workbook."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "importexport.files.workbooks", sheet],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )


def end_reader(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it still reads."""
    process.kill()
    if process.stdout:
        process.stdout.close()
    process.wait()
