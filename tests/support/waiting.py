"""Waiting, always with an end: a test that gives up says for what it has waited; one that waits for ever says nothing."""

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
    """Yield now and then, for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(pause)


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = LONG, pause: float = 0.02) -> T:
    """Return what a condition says once that is true of it; fail, naming what was waited for, when it never is."""
    for _ in moments(seconds, pause):
        if found := condition():
            return found
    pytest.fail(f"waited {seconds} s in vain until {what}")


class Background:
    """A call that is made in a thread of its own, which keeps nobody from ending."""

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
        """Return what the call returns, or raise what it raises; fail when it does neither in time."""
        try:
            return self._future.result(seconds)
        except TimeoutError:
            if self.is_done:
                raise
            pytest.fail(f"waited {seconds} s in vain until {self._name} returned")


def at_once(*calls: tuple[Any, ...]) -> list[Any]:
    """Make some calls, each (function, *arguments), at the same time; return what they return."""
    return [each.outcome() for each in [Background(*call) for call in calls]]


def read_line(stream: Any, *, seconds: float = LONG) -> Any:
    """Return the next line that a process writes."""
    return Background(stream.readline).outcome(seconds)


def ended(process: subprocess.Popen[Any], *, seconds: float = LONG) -> tuple[int, Any, Any]:
    """Wait for a process; return its status and what else it has written to its standard output and error."""
    stdout, stderr = process.communicate(timeout=seconds)
    return process.returncode, stdout, stderr
