"""Limits how many downloads a process makes at the same moment. Their threads take turns, piece by piece.

Making a file takes the processor and the interpreter's lock, for which all requests of the process compete. With a few
such threads, small requests are answered almost as fast as without; with many, they are not.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

#: The time in seconds after which a slot is free although its thread has not passed it on: it waits for the database.
STUCK = 1.0


class Slots:
    """The slots of a process, and those who wait for one, in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._lock = threading.Lock()
        #: Those who have a slot, and since when.
        self._since: dict[Slot, float] = {}
        self._line: deque[Slot] = deque()

    def take(self, slot: "Slot") -> None:
        """Wait for a free slot."""
        with self._lock:
            self._line.append(slot)
            self._hand_out()
        while not slot.is_given.acquire(timeout=STUCK):
            with self._lock:
                self._hand_out()

    def give_back(self, slot: "Slot") -> None:
        """Free a slot for whoever has waited longest."""
        with self._lock:
            self._since.pop(slot, None)
            self._hand_out()

    def pass_on(self, slot: "Slot") -> None:
        """Let those who wait go first. A slot that was taken for stuck has to be taken again."""
        with self._lock:
            if not self._line and slot in self._since:
                self._since[slot] = time.monotonic()
                return
        self.give_back(slot)
        self.take(slot)

    # --- with the lock held ---

    def _hand_out(self) -> None:
        while self._line and self._has_free():
            slot = self._line.popleft()
            self._since[slot] = time.monotonic()
            slot.is_given.release()

    def _has_free(self) -> bool:
        if len(self._since) >= self.number:
            limit = time.monotonic() - STUCK
            self._since = {slot: since for slot, since in self._since.items() if since > limit}
        return len(self._since) < self.number


class Slot:
    """The slot of one download: a context in which its thread may work."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        #: Released once this has been given a slot that it waited for.
        self.is_given = threading.Semaphore(0)

    def __enter__(self) -> "Slot":
        self._slots.take(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._slots.give_back(self)

    def pass_on(self) -> None:
        """Let other downloads go on, then continue."""
        self._slots.pass_on(self)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Context in which others use the slot."""
        self._slots.give_back(self)
        try:
            yield
        finally:
            self._slots.take(self)
