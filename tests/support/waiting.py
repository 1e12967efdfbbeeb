"""Waiting with a limit, so that a test that hangs fails and says what it waited for."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

#: Seconds: far more than anything takes that is waited for, also where the machine is busy.
LONG = 60
#: Longer than the clients of the tests wait for an answer, so that theirs is the error to be seen.
LONGER = 150


def moments(seconds: float = LONG, pause: float = 0.02) -> Iterator[None]:
    """Yield at intervals until the time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(pause)


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = LONG, pause: float = 0.02) -> T:
    """Return the value of a condition once it is true; fail with a description if it does not become true in time."""
    for _ in moments(seconds, pause):
        if found := condition():
            return found
    pytest.fail(f"waited {seconds} s in vain until {what}")


class Background:
    """A call in a daemon thread."""

    def __init__(self, call: Callable[..., Any], *args: Any, **options: Any) -> None:
        self._future: Future[Any] = Future()
        self._name = getattr(call, "__qualname__", str(call))
        threading.Thread(target=self._run, args=(call, args, options), daemon=True).start()

    def _run(self, call: Callable[..., Any], args: Any, options: Any) -> None:
        try:
            self._future.set_result(call(*args, **options))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._future.set_exception(error)

    @property
    def is_done(self) -> bool:
        return self._future.done()

    def outcome(self, seconds: float = LONGER) -> Any:
        """Return or raise what the call does; fail if it does not finish in time."""
        try:
            return self._future.result(seconds)
        except TimeoutError:
            if self.is_done:
                raise
            pytest.fail(f"waited {seconds} s in vain until {self._name} returned")


def at_once(*calls: tuple[Any, ...]) -> list[Any]:
    """Run some calls, each (function, *arguments), concurrently; return their results."""
    return [each.outcome() for each in [Background(*call) for call in calls]]


def read_line(stream: Any, *, seconds: float = LONG) -> Any:
    """Return the next line of a process's output."""
    return Background(stream.readline).outcome(seconds)


def ended(process: subprocess.Popen[Any], *, seconds: float = LONG) -> tuple[int, Any, Any]:
    """Wait for a process; return its status and the rest of its standard output and error."""
    stdout, stderr = process.communicate(timeout=seconds)
    return process.returncode, stdout, stderr
