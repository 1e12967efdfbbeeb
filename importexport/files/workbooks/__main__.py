"""Reads the workbook on standard input, and writes the cells of one sheet to standard output (see frames).

    python -m importexport.files.workbooks [SHEET] < contacts.xlsx

Whatever a workbook does, it does to this process, which may use no more than so much memory and time.
"""

import gc
import resource
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO

from importexport.errors import FileError, NotCsv, damaged_workbook, oversized_workbook
from importexport.files.workbooks import frames
from importexport.files.workbooks.formats import open_workbook
from importexport.files.workbooks.sheets import choose

#: Bytes of memory, and seconds of processor time.
MEMORY_LIMIT = 512 * 1024**2
TIME_LIMIT = 120


def main() -> None:
    """Read the workbook."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # The import may end before the workbook does.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_LIMIT, TIME_LIMIT + 1))
    gc.disable()  # There are no cycles, but millions of tuples to look through for them.
    output = sys.stdout.buffer
    for frame in every_frame(sys.stdin.buffer, sys.argv[1] if len(sys.argv) > 1 else ""):
        frames.write_frame(output, *frame)
        output.flush()


def every_frame(file: BinaryIO, sheet: str) -> Iterator[tuple]:
    """Yield the frames of a workbook; the last one may be an error."""
    try:
        workbook = open_workbook(file)
        yield from frames.frames_of(workbook, choose(workbook, sheet))
    except NotCsv as error:
        yield frames.OTHER_TYPE, error.kind
    except Exception as error:  # noqa: BLE001 - a damaged file can raise anything, here and in libraries
        known = file_error(error)
        yield frames.ERROR, known.code, str(known), known.question and list(known.question)


def file_error(error: Exception) -> FileError:
    """Return what an error means for the file."""
    if isinstance(error, FileError):
        return error
    if isinstance(error, (MemoryError, RecursionError)):
        return oversized_workbook()
    print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - there is no log in this process
    return damaged_workbook()


if __name__ == "__main__":
    main()
