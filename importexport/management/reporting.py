"""Reports a stored run. If the report cannot be written, it must not look as if the import had failed."""

import contextlib
import sys
from collections.abc import Iterator

from django.core.management.base import CommandError
from django.db import OperationalError, connection

from crm.management.base import INTERRUPTED, UNREPORTED
from importexport.history.recorder import Stopped
from importexport.models import ImportRun


@contextlib.contextmanager
def reporting(run: ImportRun) -> Iterator[None]:
    """Context for reporting on a stored run; raise CommandError with its id if the report cannot be written.

    Unlike elsewhere, a reader that closes the pipe early is an error here: a script must learn that importing the file
    again would not help.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        why = f"{sentence_of(run)}, but the report could not be written: {error.strerror}."
        raise CommandError(f"{why} {way_to(run)}", returncode=UNREPORTED) from None
    except KeyboardInterrupt:
        raise CommandError(f"Interrupted; the import had been stored. {way_to(run)}", returncode=INTERRUPTED) from None


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Context for work on a run that somebody may cancel; raise CommandError then."""
    try:
        yield
    except Stopped as why:
        raise CommandError(str(why), returncode=INTERRUPTED) from None


@contextlib.contextmanager
def storing(run: ImportRun) -> Iterator[None]:
    """Context for storing a run's rows. If the connection is lost, find out whether they were stored anyway.

    Raises CommandError if they were, or if that cannot be found out; otherwise the original error.
    """
    try:
        with stoppable():
            yield
    except OperationalError:
        connection.close()
        try:
            stored = ImportRun.objects.select_related("tenant").filter(pk=run.pk, status=ImportRun.Status.DONE).first()
        except OperationalError:
            raise CommandError(
                "The connection to the database was lost, and it is not known whether the rows are stored."
                f" {way_to(run)}",
                returncode=UNREPORTED,
            ) from None
        if stored:
            why = f"{sentence_of(stored)}, but the connection to the database was lost before the report."
            raise CommandError(f"{why} {way_to(run)}", returncode=UNREPORTED) from None
        raise


def sentence_of(run: ImportRun) -> str:
    """Return the result of a run as a sentence without a full stop."""
    if run.status == ImportRun.Status.PLANNED:
        return "The plan is stored"
    if run.kind == ImportRun.Kind.UNDO:
        return "The import is undone"
    return "The rows are stored" if run.imported else "The import is done, without a row to store"


def way_to(run: ImportRun) -> str:
    """Return the command that shows a run."""
    return f"See it with: manage.py imports show {run.pk} --tenant {run.tenant.slug}"
