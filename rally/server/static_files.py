"""The static files of a server: collected when it starts, unless they are those of last time."""

import contextlib
import hashlib
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

#: Beside STATIC_ROOT: what was collected last, as ``fingerprint`` tells it.
NOTE = "static.collected"


def collect() -> bool:
    """Collect the static files unless nothing has changed; return whether they had to be. It takes two seconds, most of
    them for compressing."""
    note, found = Path(settings.STATIC_ROOT).parent / NOTE, fingerprint()
    # Another server that starts may take the note away at any time.
    with contextlib.suppress(FileNotFoundError):
        if note.read_text() == found and any(Path(settings.STATIC_ROOT).iterdir()):
            return False
    # Not to be taken for collected if it is interrupted.
    note.unlink(missing_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False)
    note.write_text(found)
    return True


def fingerprint() -> str:
    """Return a digest of the names, sizes and times of all files to be collected, and of what collects them."""
    parts = [str(settings.STORAGES["staticfiles"]), version("django"), version("whitenoise")]
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            parts.append(f"{storage.path(name)} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
