"""The progress of a run as server-sent events (WHATWG HTML, section 9.2), instead of asking again and again."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from importexport import errors
from importexport.api.causes import Cause
from importexport.api.problems import Problem
from importexport.api.renderers import EventRenderer
from importexport.api.views.runs import RunView
from importexport.models import ImportRun
from importexport.runs import serializers

#: The most streams of a process, each of which occupies a thread, and of a tenant among them.
MOST, MOST_OF_TENANT = 4, 2
#: Seconds between two looks at a run, and after which a client comes again. A server that stops waits for as long.
PACE, LONGEST = 0.5, 25.0
#: Seconds after which a client comes again when a stream has ended; without an id, it gets the current state.
COME_AGAIN = 1
CONTENT_TYPE = "text/event-stream"


class EventsView(RunView):
    """Tells the progress of a run as it comes."""

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderer of events."""
        return [EventRenderer()]

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return the events of a run: ``progress`` whenever it has changed, and ``end``, which is the last one."""
        if not STREAMS.enter(self.run.tenant_id):
            raise Problem(Cause.TOO_MANY_STREAMS, errors.TOO_MANY_STREAMS)
        return StreamingHttpResponse(Events(self.run), content_type=CONTENT_TYPE, headers=HEADERS)

    def head(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return the headers only."""
        return HttpResponse(content_type=CONTENT_TYPE, headers=HEADERS)


#: nginx collects what it passes on, unless it is told not to.
HEADERS = {"X-Accel-Buffering": "no"}


class Streams:
    """The streams of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._of_tenant: Counter[int] = Counter()

    def enter(self, tenant_id: int) -> bool:
        """Count a stream of a tenant, to be given back; return False if there are too many."""
        with self._guard:
            if self._of_tenant.total() >= MOST or self._of_tenant[tenant_id] >= MOST_OF_TENANT:
                return False
            self._of_tenant[tenant_id] += 1
            return True

    def leave(self, tenant_id: int) -> None:
        """Give back a stream."""
        with self._guard:
            self._of_tenant[tenant_id] -= 1


STREAMS = Streams()


class Events:
    """The events of a run; the server closes them when the client has gone, even before the first."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._events = events(run)
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        """End the stream."""
        if not self._is_closed:
            self._is_closed = True
            STREAMS.leave(self._run.tenant_id)


def events(run: ImportRun) -> Iterator[bytes]:
    """Yield the events of a run until it has ended, or for LONGEST seconds."""
    yield f"retry: {COME_AGAIN * 1000}\n\n".encode()
    end, told = time.monotonic() + LONGEST, b""
    while True:
        state = event("progress" if run.is_at_work else "end", run)
        # A comment finds out whether the client is still there.
        yield state if state != told else b":\n\n"
        told = state
        if not run.is_at_work or time.monotonic() > end:
            return
        time.sleep(PACE)
        try:
            run.refresh_from_db()
        except ImportRun.DoesNotExist:
            yield b"event: end\ndata: null\n\n"
            return


def event(name: str, run: ImportRun) -> bytes:
    """Return an event with a run as its data."""
    return f"event: {name}\ndata: {json.dumps(serializers.detail_json(run))}\n\n".encode()
