"""The bar that a terminal shows while a command works."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from importexport.engine.observers import Progress


@contextlib.contextmanager
def progress_bar(size: int | None) -> Iterator[Progress | None]:
    """Give a bar of bytes, of ``size`` where that is known, and of rows, on stderr; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    # A terminal that does not know its size says 0, and would be shown nothing.
    width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
    shape: dict[str, Any] = {"ncols": width, "nrows": 2, "leave": False}
    with tqdm(total=size, unit="B", unit_scale=True, unit_divisor=1024, **shape) as bar:

        def show(rows: int, read: int) -> None:
            bar.set_postfix_str(f"{rows} rows", refresh=False)
            bar.update(read - bar.n)

        yield show
