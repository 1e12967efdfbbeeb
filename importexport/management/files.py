"""What commands share besides their arguments: files that they write, and who runs them."""

import contextlib
import getpass
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from crm.management.base import UserError, quiet_pipe

#: What stands here is written to as it is, even where it leads to a file: /dev/stdout.
DEVICES = {Path("/dev"), Path("/dev/fd")}


@contextlib.contextmanager
def replacing(path: Path | None) -> Iterator[BinaryIO | None]:
    """Give a file that takes the place of another once it is whole; a failure leaves the other as it was.

    A device or a pipe is written to as it is, and a link stays a link.
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
    """Write a file, or to stdout, whose reader may leave early (``… | head``)."""
    with replacing(path) as file, contextlib.closing(chunks):  # type: ignore[type-var]
        if file:
            file.writelines(chunks)
            return
        with quiet_pipe():
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)


def create_beside(target: Path) -> BinaryIO:
    """Create a file in the folder of another, for the same readers: it is to take the other's place."""
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~current_umask()
    draft = tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False)  # noqa: SIM115
    os.fchmod(draft.fileno(), mode)
    return cast(BinaryIO, draft)


def current_umask() -> int:
    """Return the umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def account_name() -> str:
    """Return who runs the command, as the system calls them; a container may have no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
