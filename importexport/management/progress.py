"""The progress bar of a command on a terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from importexport.engine.observers import Progress
from importexport.errors import counted


@contextlib.contextmanager
def progress_bar(size: int | None) -> Iterator[Progress | None]:
    """Yield a callback that shows bytes (of ``size``, if known) and rows on stderr; None if it is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    # A terminal that does not know its width reports 0, and tqdm would show nothing.
    width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
    shape: dict[str, Any] = {"ncols": width, "nrows": 2, "leave": False}
    with tqdm(total=size, unit="B", unit_scale=True, unit_divisor=1024, **shape) as bar:

        def show(rows: int, read: int) -> None:
            bar.set_postfix_str(counted(rows, "row"), refresh=False)
            bar.update(read - bar.n)

        yield show
