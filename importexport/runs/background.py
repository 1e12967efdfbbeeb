"""The background work of a process: a few runs at once, and one of each tenant's entity.

The imports of a tenant's entity wait for each other (see ``db.lock_entities``). If each of them took a thread, a long
one would keep the runs of all tenants waiting.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable

#: The most threads, and so files that a process works on at once.
AT_ONCE = 4
#: The id of a tenant, and an entity.
Key = tuple[int, str]


class Queue:
    """Runs that this process works on or will, in threads that end when nothing is left."""

    def __init__(self, work: Callable[[uuid.UUID], None]) -> None:
        self._work = work
        self._guard = threading.Lock()
        self._here: set[uuid.UUID] = set()
        self._next: deque[tuple[uuid.UUID, Key]] = deque()
        #: Key of a run in ``_next`` or in work → the runs behind it.
        self._behind: dict[Key, deque[uuid.UUID]] = {}
        self._threads = 0

    def __contains__(self, run_id: uuid.UUID) -> bool:
        return run_id in self._here

    def add(self, run_id: uuid.UUID, key: Key) -> None:
        """Add a run, unless it is here already."""
        with self._guard:
            if run_id in self._here:
                return
            if self._threads < AT_ONCE:
                # A daemon, so that a server does not wait for it when it stops. An unfinished run is resumed later.
                threading.Thread(target=self._run, name="import worker", daemon=True).start()
                self._threads += 1
            self._here.add(run_id)
            if key in self._behind:
                self._behind[key].append(run_id)
            else:
                self._behind[key] = deque()
                self._next.append((run_id, key))

    def _run(self) -> None:
        while found := self._take():
            try:
                self._work(found[0])
            finally:
                self._end(*found)

    def _take(self) -> tuple[uuid.UUID, Key] | None:
        with self._guard:
            if self._next:
                return self._next.popleft()
            self._threads -= 1
            return None

    def _end(self, run_id: uuid.UUID, key: Key) -> None:
        with self._guard:
            self._here.discard(run_id)
            if behind := self._behind[key]:
                # Behind those of other tenants.
                self._next.append((behind.popleft(), key))
            else:
                del self._behind[key]
