"""Helpers of the commands: output files, and the name of the user."""

import contextlib
import getpass
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from crm.management.base import UserError, quiet_pipe

#: Paths in these directories are opened directly, even if they lead to a regular file: /dev/stdout.
DEVICES = {Path("/dev"), Path("/dev/fd")}


@contextlib.contextmanager
def replacing(path: Path | None) -> Iterator[BinaryIO | None]:
    """Yield a file that replaces ``path`` on success; on failure, an existing file is left unchanged.

    Devices and pipes are opened directly, and symbolic links are kept.
    """
    if path is None:
        yield None
        return
    try:
        target = Path(os.path.realpath(path))
        is_ordinary = path.parent not in DEVICES and (target.is_file() or not target.exists())
        file = create_beside(target) if is_ordinary else path.open("wb")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}.") from None
    try:
        with file:
            yield file
        if is_ordinary:
            Path(file.name).replace(target)
    except BaseException:
        if is_ordinary:
            Path(file.name).unlink(missing_ok=True)
        raise


def write_chunks(chunks: Iterator[bytes], path: Path | None) -> None:
    """Write chunks to a file, or to stdout, whose reader may close the pipe early (``… | head``)."""
    with replacing(path) as file, contextlib.closing(chunks):  # type: ignore[type-var]
        if file:
            file.writelines(chunks)
            return
        with quiet_pipe():
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)


def create_beside(target: Path) -> BinaryIO:
    """Create a temporary file next to the target, with the permissions the target has or would have."""
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~current_umask()
    draft = tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False)  # noqa: SIM115
    os.fchmod(draft.fileno(), mode)
    return cast(BinaryIO, draft)


def current_umask() -> int:
    """Return the umask. Reading it requires setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def account_name() -> str:
    """Return the name of the system account, or its id: in a container it may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
