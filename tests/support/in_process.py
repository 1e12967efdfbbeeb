"""Commands that run in the process of the tests, which takes a twentieth of the time of starting one for each."""

import contextlib
import logging
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections

from importexport.db import leases
from tests.support.installation import ROOT, Installation


@dataclass
class InProcess(Installation):
    """An installation whose commands run in this process, unless a test asks for something only a process has: other
    options of subprocess.run, or changes of the environment."""

    blocker: Any

    def __post_init__(self) -> None:
        self._usual_env = dict(self.env)

    def manage(self, *args: str, text: bool = True, **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a command of manage.py, with the output of a process."""
        if options or self.env != self._usual_env:
            return super().manage(*args, text=text, **options)
        with self.blocker.unblock(), connected_to(self.database_url), contextlib.chdir(ROOT):
            status, stdout, stderr = run_manage(args)
        read = universal if text else bytes
        return subprocess.CompletedProcess(args, status, read(stdout), read(stderr))


@pytest.fixture(scope="session")
def new_installation(
    new_installation: Callable[..., Installation], django_db_blocker: Any
) -> Callable[..., Installation]:
    """For a conftest.py: create a database whose commands run in this process, except in another environment."""

    def make(**env: str) -> Installation:
        made = new_installation(**env)
        return made if env else InProcess(made.database_url, made.env, django_db_blocker)

    return make


def universal(output: bytes) -> str:
    """Decode as subprocess does."""
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")


@contextlib.contextmanager
def connected_to(database_url: str) -> Iterator[None]:
    """Context in which Django uses another database of the same server."""
    connection = connections["default"]
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = urlsplit(database_url).path[1:]
    try:
        # The thread that renews the leases of the other database would look for these ones there.
        with replaced(leases, "RENEWER", leases.Renewer()):
            yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def run_manage(args: tuple[str, ...]) -> tuple[int, bytes, bytes]:
    """Run manage.py; return its exit status and what it writes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open() as nothing:
        with streams(nothing, out, err), replaced(sys, "argv", ["manage.py", *args]):
            status = run_main()
        return status, content_of(out), content_of(err)


def run_main() -> int:
    try:
        runpy.run_path("manage.py", run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
        return 1
    return 0


@contextlib.contextmanager
def streams(stdin: Any, out: Any, err: Any) -> Iterator[None]:
    """Context with other standard streams, which the log is written to as well."""
    with (
        os.fdopen(os.dup(out.fileno()), "w", encoding="utf-8") as stdout,
        os.fdopen(os.dup(err.fileno()), "w", encoding="utf-8", errors="backslashreplace", buffering=1) as stderr,
        replaced(sys, "stdin", stdin),
        replaced(sys, "stdout", stdout),
        replaced(sys, "stderr", stderr),
        contextlib.ExitStack() as logs,
    ):
        for handler in logging.getLogger().handlers:
            if type(handler) is logging.StreamHandler:
                logs.enter_context(replaced(handler, "stream", stderr))
        yield


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Context in which an attribute has another value."""
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def content_of(file: Any) -> bytes:
    file.seek(0)
    return file.read()
