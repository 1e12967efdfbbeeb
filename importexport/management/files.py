"""Files that commands write."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crm.management.base import Mistake


@contextlib.contextmanager
def replacing(path: Path | None) -> Iterator[BinaryIO | None]:
    """Give a file that takes the place of another once it is whole; a failure leaves the other as it was."""
    if path is None:
        yield None
        return
    try:
        draft = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}.") from None
    try:
        with draft:
            yield draft  # type: ignore[misc]
        Path(draft.name).chmod(0o666 & ~current_umask())
        Path(draft.name).replace(path)
    except BaseException:
        Path(draft.name).unlink(missing_ok=True)
        raise


def current_umask() -> int:
    """Return the umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
