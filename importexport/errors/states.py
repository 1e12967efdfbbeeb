"""What ends an import that is not the fault of its file, or keeps it or a download waiting."""

from importexport.errors.wording import counted

#: The error of a run that ended because of a bug.
BUG = "Something went wrong on our side. Nothing was stored."
#: The error of a run whose process was stopped, or lost the database.
INTERRUPTED = "The import was interrupted before its end. Nothing was stored."
#: The error of a download for which there is no place among those in progress.
TOO_MANY_DOWNLOADS = "Too many files are being downloaded at this moment. Try again in a few seconds."

#: The error of a stream of events for which there is no place.
TOO_MANY_STREAMS = "Too many clients are being told of imports at this moment. Look at the import instead."


def busy(entity: str, name: str) -> str:
    """Return the message about a running import that blocks another; ``name`` is its id, or ""."""
    return f"Another import of {entity} is running{f': {name}' if name else ''}. Try again later."


RECORDS_BUSY = "Somebody else is changing the same records at this moment. Try again later."
RUN_BUSY = "This import is being carried out at this moment. Try again later."
#: The error of a process that did not renew its lease in time, as after a pause of its machine.
TAKEN_OVER = "Another process has taken over this import. Try again later."


def ran_too_long(seconds: int) -> str:
    """Return the error of a run that took longer than it may."""
    return f"The import took longer than {counted(seconds, 'second')}. Nothing was stored."


def cancelled(by: str) -> str:
    """Return the error of a run that somebody has cancelled."""
    return f"Cancelled by {by}. Nothing was stored."


#: The most runs of a tenant that may wait in the queue.
MOST_WAITING = 200
TOO_MANY_WAITING = f"{MOST_WAITING} imports are waiting already. Try again when some of them are done."
