"""Limits each tenant to its share of the threads. Further requests wait in a queue, without a thread.

The head of a request does not name its tenant; only earlier requests with the same key or session do. Until then, the
key or session is a group of its own. As soon as the application knows the tenant, it reports it, and the request counts
towards that tenant.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any

#: The number of keys and sessions whose tenants are remembered.
REMEMBERED = 10_000
#: The time a request may wait in the queue, in seconds.
PATIENCE = 10


class Group:
    """The requests of a tenant: the number in progress, and the queue."""

    __slots__ = ("at_work", "line", "name", "part_of")

    def __init__(self, name: Hashable) -> None:
        self.name = name
        #: The group it was merged into.
        self.part_of: Group | None = None
        self.at_work = 0
        #: The queue: callers and their waiting requests.
        self.line: deque[tuple[bytes | None, Any]] = deque()


class Turn:
    """Permission for a request to be processed, or to be rejected because its tenant has too many."""

    __slots__ = ("caller", "group", "is_known", "is_over", "shares")

    def __init__(self, shares: "Shares", caller: bytes | None, group: Group | None = None, *, is_over: bool = False):
        self.shares = shares
        self.caller = caller
        #: The group in which the request is counted, if any.
        self.group = group
        #: Whether that is the group of its tenant.
        self.is_known = group is not None and group.name != caller
        #: Whether it exceeds the share of its tenant.
        self.is_over = is_over

    @property
    def is_counted(self) -> bool:
        """Whether the request takes part in the share of a group."""
        return self.group is not None

    def belongs_to(self, tenant: Hashable) -> bool:
        """Report the tenant of the request; return whether it may continue, False if it exceeds the share."""
        return self.shares.learn(self, tenant)


class Shares:
    """The requests of a process, in progress and waiting; at most ``total`` are in progress, of all tenants together.

    ``wake`` may be called from any thread when a waiting request can proceed. Call next_turns then. Shares ``beside``
    others are of other requests, and know the tenants that those know.
    """

    def __init__(
        self,
        *,
        threads: int,
        wake: Callable[[], None],
        total: float = float("inf"),
        beside: "Shares | None" = None,
    ) -> None:
        self.most = max(threads // 4, 1)
        self.longest_line = threads
        self.total = total
        self._at_work = 0
        self._wake = wake
        self._lock: threading.Lock = beside._lock if beside else threading.Lock()
        self._tenants: OrderedDict[bytes, Hashable] = beside._tenants if beside else OrderedDict()
        self._groups: dict[Hashable, Group] = {}
        #: Groups whose queue can proceed.
        self._moving: set[Group] = set()

    def enter(self, caller: bytes | None, waiter: Any) -> Turn | None:
        """Return the turn of a request; None if ``waiter`` was queued, to be returned by next_turns later."""
        if caller is None:
            return Turn(self, None)
        with self._lock:
            return self._enter(caller, waiter)

    def leave(self, turn: Turn) -> None:
        """Remove a completed request. Call next_turns afterwards."""
        if turn.group is not None:
            with self._lock:
                self._leave(turn)

    def next_turns(self) -> list[tuple[Any, Turn]]:
        """Return the waiters that can proceed, with their turns."""
        if not self._moving:
            return []
        with self._lock:
            groups = [group for group in self._groups.values() if group in self._moving]
            # Those with the fewest requests first; among equals, those whose last turn was longest ago.
            found = [each for group in sorted(groups, key=lambda group: group.at_work) for each in self._move(group)]
            self._moving.clear()
        return found

    def give_up(self, caller: bytes | None, waiter: Any) -> Turn:
        """Remove a waiter that has waited too long; return a turn that rejects it."""
        with self._lock:
            for group in [group for group in self._groups.values() if (caller, waiter) in group.line]:
                group.line.remove((caller, waiter))
                self._tidy(group)
        return Turn(self, caller, is_over=True)

    def learn(self, turn: Turn, tenant: Hashable) -> bool:
        """Remember the tenant of a key or session, and count this request towards the tenant (see Turn.belongs_to)."""
        if turn.caller is not None:
            with self._lock:
                self._remember(turn.caller, tenant)
                if turn.group is not None:
                    self._count_with(turn, self._group(tenant))
            if self._moving:
                self._wake()
        return not turn.is_over

    # --- with the lock held ---

    def _enter(self, caller: bytes | None, waiter: Any) -> Turn | None:
        group = self._group(self._name(caller))
        if self._has_place(group) and not group.line:
            self._start(group)
            return Turn(self, caller, group)
        if len(group.line) < self.longest_line:
            group.line.append((caller, waiter))
            return None
        return Turn(self, caller, is_over=True)

    def _leave(self, turn: Turn) -> None:
        group, turn.group = self._group_of(turn), None
        if self._at_work >= self.total:
            self._moving.update(each for each in self._groups.values() if each.line)
        group.at_work -= 1
        self._at_work -= 1
        if group.line:
            self._moving.add(group)
        self._tidy(group)

    def _move(self, group: Group) -> list[tuple[Any, Turn]]:
        """Return the waiters of a queue that can proceed. Those of another group by now go to its queue."""
        found = []
        while group.line and self._has_place(group):
            caller, waiter = group.line.popleft()
            if self._name(caller) == group.name:
                self._start(group)
                found.append((waiter, Turn(self, caller, group)))
            elif turn := self._enter(caller, waiter):
                found.append((waiter, turn))
        self._tidy(group)
        return found

    def _has_place(self, group: Group) -> bool:
        return group.at_work < self.most and self._at_work < self.total

    def _start(self, group: Group) -> None:
        group.at_work += 1
        self._at_work += 1
        # To the end, so that other groups come first when a place is free.
        self._groups[group.name] = self._groups.pop(group.name)

    def _group_of(self, turn: Turn) -> Group:
        """Return the group in which a request is counted now."""
        assert turn.group is not None
        while turn.group.part_of is not None:
            turn.group = turn.group.part_of
        return turn.group

    def _count_with(self, turn: Turn, group: Group) -> None:
        """Count a request towards its tenant, together with all others of the same key."""
        own = self._group_of(turn)
        if own is group and turn.is_known:
            return
        turn.is_known = True
        if own.name == turn.caller:
            self._join(own, group)
        elif own is not group:
            self._leave(turn)
            self._start(group)
            turn.group = group
        if group.at_work > self.most:
            self._leave(turn)
            turn.is_over = True

    def _join(self, own: Group, group: Group) -> None:
        group.at_work += own.at_work
        group.line.extend(own.line)
        own.part_of = group
        del self._groups[own.name]
        self._moving.discard(own)
        if group.line:
            self._moving.add(group)

    def _name(self, caller: bytes | None) -> Hashable:
        if caller is None or caller not in self._tenants:
            return caller
        self._tenants.move_to_end(caller)
        return self._tenants[caller]

    def _group(self, name: Hashable) -> Group:
        if name not in self._groups:
            self._groups[name] = Group(name)
        return self._groups[name]

    def _tidy(self, group: Group) -> None:
        if not group.at_work and not group.line and self._groups.get(group.name) is group:
            del self._groups[group.name]

    def _remember(self, caller: bytes, tenant: Hashable) -> None:
        self._tenants[caller] = tenant
        self._tenants.move_to_end(caller)
        if len(self._tenants) > REMEMBERED:
            self._tenants.popitem(last=False)
