"""Helpers of the commands: files that are read and written, and the name of the user."""

import contextlib
import getpass
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from crm.management.base import UserError, quiet_pipe
from importexport.errors import StorageUnavailable
from importexport.files.source import tidy_name

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


def is_workbook(path: Path | None) -> bool:
    """Whether a file that is to be written is a workbook, by its name."""
    return path is not None and path.suffix.lower() == ".xlsx"


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


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Yield the named file, or stdin, opened for reading."""
    if name == "-":
        if sys.stdin is None:
            raise UserError("Standard input is closed.")
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
        file.peek(1)
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}.") from None
    with file:
        yield file


def distinct(rejected: Path | None, source: BinaryIO) -> Path | None:
    """Return the path for the rejected rows; raise UserError if it is the file being imported."""
    with contextlib.suppress(OSError):
        if rejected and os.path.samestat(rejected.stat(), os.fstat(source.fileno())):
            raise UserError("The rejected rows cannot go into the file that is imported.")
    return rejected


def storage_problem(error: StorageUnavailable) -> UserError:
    """Return the error of a storage of uploads that cannot be used, with what it said: its operator may be here."""
    return UserError(f"{error} ({error.reason})")


def size_of(source: BinaryIO) -> int | None:
    """Return the size of a file in bytes, or None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def shown_name(name: str) -> str:
    """Return the name of a file for reports: without its folder, and "stdin" for -."""
    return "stdin" if name == "-" else tidy_name(name)
