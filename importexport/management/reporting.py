"""What a command says about a run once it is stored: a report that gets lost must not look like a failed import."""

import contextlib
import sys
from collections.abc import Iterator

from django.core.management.base import CommandError

from crm.management.base import INTERRUPTED, UNREPORTED
from importexport.models import ImportRun


@contextlib.contextmanager
def reporting(run: ImportRun) -> Iterator[None]:
    """Context for reporting on a stored run; raise CommandError with its id if the report cannot be written.

    Unlike elsewhere, a reader that closes the pipe early is an error here: a script has to learn that importing the
    file again would not help.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        why = f"{sentence_of(run)}, but the report could not be written: {error.strerror}."
        raise CommandError(f"{why} {way_to(run)}", returncode=UNREPORTED) from None
    except KeyboardInterrupt:
        raise CommandError(f"Interrupted; the import had been stored. {way_to(run)}", returncode=INTERRUPTED) from None


def sentence_of(run: ImportRun) -> str:
    """Return what became of a run, without a full stop."""
    if run.status == ImportRun.Status.PLANNED:
        return "The plan is stored"
    if run.kind == ImportRun.Kind.UNDO:
        return "The import is undone"
    return "The rows are stored" if run.imported else "The import is done, without a row to store"


def way_to(run: ImportRun) -> str:
    """Return how to see a run."""
    return f"See it with: manage.py imports show {run.pk} --tenant {run.tenant.slug}"
