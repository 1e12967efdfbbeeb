"""The files of runs, in the storage: stored before their runs, and deleted after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.db import transaction

from importexport import errors
from importexport.db import UNAVAILABLE
from importexport.files import storage
from importexport.history.recorder import note_failed
from importexport.models import ImportRun

#: The size of the pieces in which files are stored, in bytes.
PIECE = 256 * 1024


@contextmanager
def keeping(run: ImportRun, file: BinaryIO, *, limit: int | None) -> Iterator[None]:
    """Store the file of a new run; yield in the transaction that is to store the run.

    If the transaction fails, the file is deleted. A process that is killed before its end leaves the file (see
    ``retention.purge_orphans``). Raises TooLarge if the file exceeds the ``limit`` in bytes, and StorageUnavailable;
    nothing is stored then.
    """
    run.upload_name = name_of(run)
    run.size, run.sha256 = storage.write(run.upload_name, pieces(file, limit))
    run.kept_bytes = run.size
    is_to_commit = False
    try:
        with transaction.atomic():
            yield
            is_to_commit = True
    except BaseException as error:
        # A connection that is lost during a COMMIT does not say whether the run is stored.
        if not (is_to_commit and isinstance(error, UNAVAILABLE)):
            storage.discard(run.upload_name)
        raise


def name_of(run: ImportRun) -> str:
    """Return the name of a run's file in the storage. It is as random as the run's id."""
    return f"{run.tenant_id}/{run.pk}"


def pieces(file: BinaryIO, limit: int | None) -> Iterator[bytes]:
    """Yield a file in pieces; raise TooLarge as soon as it exceeds the limit in bytes."""
    size = 0
    while piece := file.read(PIECE):
        size += len(piece)
        if limit is not None and size > limit:
            raise errors.TooLarge(limit)
        yield piece


@contextmanager
def opened(run: ImportRun) -> Iterator[BinaryIO]:
    """Yield a run's file; raise StorageUnavailable, and UploadLost, with which the run fails."""
    try:
        file = run.open_upload()
    except errors.UploadLost as error:
        note_failed(run, error)
        raise
    with file:
        yield file
