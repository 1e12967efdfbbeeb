"""Packages from npm that tests use, at the versions of a lock file."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

MISSING = "npm was not found; install Node.js (apt-get install npm, or brew install node)."


class NoNpm(Exception):
    """npm is missing, so that packages cannot be downloaded."""


@cache
def packages(folder: Path) -> Path:
    """Return the directory of the packages that a folder's lock file names, downloaded on first use.

    Raises NoNpm if they are needed and npm is missing.
    """
    found, lock = folder / "node_modules", folder / "package-lock.json"
    stamp, wanted = found / ".locked", hashlib.sha256(lock.read_bytes()).hexdigest()
    with lock.open() as held:
        # Tests may run in several processes, only one of which downloads them.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            npm = shutil.which("npm")
            if npm is None:
                raise NoNpm(MISSING)
            subprocess.run(
                [npm, "ci", "--loglevel=error"], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=300
            )
            stamp.write_text(wanted)
    return found


def needed_packages(folder: Path) -> Path:
    """Return the directory of a folder's packages; skip or fail the test if npm is missing."""
    try:
        return packages(folder)
    except NoNpm as missing:
        give_up(str(missing))
        raise


def give_up(reason: str) -> None:
    """Skip the test, or fail if all tools are required, as in CI."""
    if os.environ.get("RALLY_REQUIRE_BROWSER") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
