"""Measures the time until all responses are correct again after a fault, and whether the health check agrees."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle

from tests.faults.operations import Caller, people
from tests.faults.site import Harm, Site
from tests.support.waiting import Background, at_once, wait_until

#: Tenants that ask, and clients of each: together they keep all of the server's threads in use.
TENANTS, CLIENTS = 8, 4
#: Seconds of quiet before the error, and of watching after it.
BEFORE, AFTER = 1.0, 5.0
#: The length in seconds of the spans in which requests and probe are compared.
SPAN = 0.25
#: Seconds between two requests of a client, which would otherwise be in each other's way.
PACE = 0.3


@dataclass(frozen=True)
class Sample:
    """A request, and when it was sent (time.monotonic)."""

    start: float
    end: float
    is_right: bool
    status: int


@dataclass(frozen=True)
class Recovery:
    """Observations of a fault, with times in seconds."""

    #: From the error, and from the moment at which PostgreSQL took connections again, to the start of the last request
    #: that was not answered as it should be.
    since_fault: float
    since_return: float
    #: How long PostgreSQL took no connections.
    away: float
    statuses: Counter[int]
    #: Spans in which requests were all right or all wrong and the probe said one thing, and those in which it lied.
    spans: int
    lies: int


def watch(site: Site, harm: Harm, *, seed: int = 0) -> Recovery:
    """Cause a fault while many clients send requests; return their observations."""
    watcher = Watcher(site)
    fault, back = watcher.watch(harm, random.Random(seed))
    after = [sample for sample in watcher.requests if sample.end >= fault]
    last = max((sample.start for sample in after if not sample.is_right), default=fault)
    probes = [sample for sample in watcher.probes if sample.end >= fault]
    spans, lies = compare(after, probes, fault, back + AFTER)
    return Recovery(
        since_fault=max(last - fault, 0.0),
        since_return=max(last - back, 0.0),
        away=back - fault,
        statuses=Counter(sample.status for sample in after),
        spans=spans,
        lies=lies,
    )


def compare(requests: list[Sample], probes: list[Sample], start: float, stop: float) -> tuple[int, int]:
    """Return the number of intervals in which neither result changed, and in how many they contradict each other."""
    spans = lies = 0
    for n in range(int((stop - start) / SPAN)):
        begin, end = start + n * SPAN, start + (n + 1) * SPAN
        found = {sample.is_right for sample in requests if begin <= sample.end < end}
        said = {sample.is_right for sample in probes if begin <= sample.end < end}
        if len(found) == len(said) == 1:
            spans += 1
            lies += found != said
    return spans, lies


class Watcher:
    """Many clients, a health check, and a check whether PostgreSQL accepts connections."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tenants = [Caller(site) for _ in range(TENANTS)]
        self.requests: list[Sample] = []
        self.probes: list[Sample] = []
        self._end = threading.Event()

    def watch(self, harm: Harm, chance: random.Random) -> tuple[float, float]:
        """Cause a fault; return when it occurred, and when PostgreSQL accepted connections again."""
        self._warm_up()
        tasks = [Background(self._ask, tenant) for tenant in self.tenants for _ in range(CLIENTS)]
        tasks.append(Background(self._probe))
        time.sleep(BEFORE)
        fault = time.monotonic()
        assert harm(self.site, chance)
        wait_until(self.site.takes_connections, "PostgreSQL takes connections", pause=0.005)
        back = time.monotonic()
        time.sleep(AFTER)
        self._end.set()
        for task in tasks:
            task.outcome()
        return fault, back

    def _warm_up(self) -> None:
        """Let every thread of the server connect to the database."""
        ask = lambda tenant: [tenant.get("imports") for _ in range(8)]  # noqa: E731
        at_once(*[(ask, tenant) for tenant in self.tenants for _ in range(CLIENTS)])

    def _ask(self, tenant: Caller) -> None:
        """Read, list, export and write in turn."""
        for number, path in enumerate(cycle(("contacts/template", "imports", "contacts/export", ""))):
            if self._end.wait(PACE):
                return
            start = time.monotonic()
            answer = tenant.get(path) if path else tenant.upload("contacts/import", people(range(number, number + 1)))
            # Requests beyond the tenant's share are rejected correctly.
            is_right = answer.status in {200, 429}
            self.requests.append(Sample(start, time.monotonic(), is_right, answer.status))

    def _probe(self) -> None:
        while not self._end.wait(SPAN / 10):
            start = time.monotonic()
            status = self.tenants[0].ask("GET", "/readyz").status
            self.probes.append(Sample(start, time.monotonic(), status == 200, status))
