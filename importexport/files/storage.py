"""Files that are kept in Django's storage ``uploads``, a folder or a bucket. Their names begin with a tenant's id.

A storage has its own errors; here they are all StorageUnavailable, with the storage's as the cause.
"""

import datetime as dt
import errno
import hashlib
import io
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from django.core.files.storage import FileSystemStorage, Storage, storages

from importexport import errors

logger = logging.getLogger("rally.storage")
#: The name of the storage in the settings.
ALIAS = "uploads"
#: The size of the pieces in which a file is read, in bytes.
PIECE = 64 * 1024
#: What a file system, or an S3-compatible server, says when there is no space.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_CODES = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage"}


class Stored(NamedTuple):
    """What is in the storage: size in bytes, and SHA-256 in hex."""

    size: int
    sha256: str


class Incoming:
    """Pieces of bytes as the file that Django's storages take, measured while they are read."""

    closed = False

    def __init__(self, pieces: Iterable[bytes], name: str) -> None:
        self.name = name
        self.size = 0
        self._digest = hashlib.sha256()
        self._pieces = self._measured(pieces)
        self._ahead = bytearray()
        #: The error of what yields the pieces, which is not the storage's.
        self.error: Exception | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the pieces so far, in hex."""
        return self._digest.hexdigest()

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Return the pieces, as a folder takes them."""
        return self._pieces

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end, as a bucket takes them."""
        while (size < 0 or len(self._ahead) < size) and (piece := next(self._pieces, b"")):
            self._ahead += piece
        end = len(self._ahead) if size < 0 else size
        data = bytes(self._ahead[:end])
        del self._ahead[:end]
        return data

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Leave the pieces to the caller."""

    def _measured(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        try:
            for piece in pieces:
                self._digest.update(piece)
                self.size += len(piece)
                yield piece
        except Exception as error:
            self.error = error
            raise


def write(name: str, pieces: Iterable[bytes]) -> Stored:
    """Store a file, in place of one with the name, and return what is stored; memory is flat.

    Raises StorageUnavailable, and what ``pieces`` raises; nothing is stored then.
    """
    storage, incoming = storages[ALIAS], Incoming(pieces, name)
    try:
        with _reported(storage, incoming):
            storage.save(name, incoming)  # type: ignore[arg-type]
            _settle(storage, name)
    except BaseException:
        # A bucket has only whole files.
        if isinstance(storage, FileSystemStorage):
            discard(name)
        raise
    return Stored(incoming.size, incoming.sha256)


def open_stored(name: str, stored: Stored) -> BinaryIO:
    """Return a file that is as it was stored, seekable; the caller closes it. What is in a bucket is copied first.

    Raises UploadLost if the file is missing or was changed, and StorageUnavailable.
    """
    storage = storages[ALIAS]
    with _reported(storage):
        try:
            # The file below Django's: of a folder, the file itself; of a bucket, a temporary copy.
            file: BinaryIO = storage.open(name).file  # type: ignore[assignment]
        except FileNotFoundError:
            raise errors.upload_missing() from None
        try:
            _check(file, stored)
        except BaseException:
            file.close()
            raise
    return file


def _check(file: BinaryIO, stored: Stored) -> None:
    """Raise UploadLost if a file is not as it was stored; it is at its start before and afterwards."""
    size = file.seek(0, io.SEEK_END)
    if size != stored.size:
        raise errors.upload_cut(size, stored.size)
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != stored.sha256:  # type: ignore[arg-type]
        raise errors.upload_changed()
    file.seek(0)


def read_range(name: str, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of a file from one position up to another, in pieces; only these are read, and not checked.

    Raises UploadLost if the file is missing, and StorageUnavailable.
    """
    storage = storages[ALIAS]
    with _reported(storage):
        try:
            file: Any = storage.open(name)
        except FileNotFoundError:
            raise errors.upload_missing() from None
        if isinstance(storage, FileSystemStorage):
            with file:
                file.seek(start)
                while start < end and (piece := file.read(min(PIECE, end - start))):
                    start += len(piece)
                    yield piece
        elif start < end:
            yield from file.obj.get(Range=f"bytes={start}-{end - 1}")["Body"].iter_chunks(PIECE)


def delete(name: str) -> None:
    """Delete a file if there is one; raise StorageUnavailable."""
    storage = storages[ALIAS]
    with _reported(storage):
        storage.delete(name)


def discard(*names: str) -> None:
    """Delete files, as far as that is possible now. What is left belongs to nothing, and is purged later."""
    try:
        for name in names:
            delete(name)
    except errors.StorageUnavailable as error:
        # The others would wait as long, and fail as well.
        logger.warning("An uploaded file could not be deleted: %s", error.reason)


def listed(folder: str = "") -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder of the storage; raise StorageUnavailable."""
    storage = storages[ALIAS]
    with _reported(storage):
        try:
            return storage.listdir(folder)
        except FileNotFoundError:
            return [], []


def modified_at(name: str) -> dt.datetime | None:
    """Return when a file was stored, or None if it is gone; raise StorageUnavailable."""
    storage = storages[ALIAS]
    with _reported(storage):
        try:
            return storage.get_modified_time(name)
        except _errors_of(storage) as error:
            if _is_missing(error):
                return None
            raise


def _settle(storage: Storage, name: str) -> None:
    """Wait until a file in a folder, and its name, would survive a power cut: the run that it belongs to will."""
    if isinstance(storage, FileSystemStorage):
        path = Path(storage.path(name))
        for place in (path, path.parent, path.parent.parent):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


@contextmanager
def _reported(storage: Storage, incoming: Incoming | None = None) -> Iterator[None]:
    """Context in which the errors of a storage become StorageUnavailable, but not those of what it reads."""
    try:
        yield
    except _errors_of(storage) as error:
        if incoming and error is incoming.error:
            raise
        raise errors.StorageUnavailable(is_full=_is_full(error)) from error


def _errors_of(storage: Storage) -> tuple[type[Exception], ...]:
    if isinstance(storage, FileSystemStorage):
        return (OSError,)
    # Slow to import, and here already where a bucket is used.
    from boto3.exceptions import Boto3Error, RetriesExceededError  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    return OSError, Boto3Error, RetriesExceededError, BotoCoreError, ClientError


def _is_missing(error: Exception) -> bool:
    # django-storages lets some errors of a bucket through.
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return isinstance(error, FileNotFoundError) or code in {"404", "NoSuchKey"}


def _is_full(error: Exception) -> bool:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return getattr(error, "errno", None) in FULL or code in FULL_CODES
