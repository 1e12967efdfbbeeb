"""The worker process beside the server: started with it, started again when it dies, and ended with it."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

logger = logging.getLogger("rally.jobs")
MANAGE = Path(__file__).parents[2] / "manage.py"
#: Seconds before the worker is started again. They double while it dies at once, as without a database.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
#: Seconds after which a worker was well.
WELL = 30.0
#: Seconds between two looks at the worker.
PACE = 0.2
#: Seconds that the worker has to end: its jobs end after their current batch.
GRACE = 20.0
#: Held while the worker is started. A process of the server that is forked at this moment would inherit the pipe that
#: says whether the start has succeeded: this process would wait for its end for as long as that one lives, and watch
#: over no worker.
STARTING = threading.Lock()
os.register_at_fork(before=STARTING.acquire, after_in_parent=STARTING.release, after_in_child=STARTING.release)


class Companion(threading.Thread):
    """Keeps a worker running beside the server."""

    def __init__(self) -> None:
        super().__init__(name="companion", daemon=True)
        self._is_over = threading.Event()
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start the worker, and again whenever it has died."""
        pause = FIRST_PAUSE
        while not self._is_over.is_set():
            start = time.monotonic()
            self._worker = self._start()
            while self._worker.poll() is None and not self._is_over.wait(PACE):
                pass
            if self._is_over.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - start > WELL else min(2 * pause, LONGEST_PAUSE)
            logger.warning("The worker has ended, and is started again in %.0f s", pause)
            self._is_over.wait(pause)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(MANAGE), "worker", "--beside", str(os.getpid())]
        with STARTING:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def restart(self) -> None:
        """Have the worker end, upon which it is started again."""
        if self._worker:
            self._worker.terminate()

    def stop(self) -> None:
        """End the worker, and wait until it has."""
        self._is_over.set()
        self.join(GRACE)
        if self._worker is None:
            return
        self._worker.terminate()
        try:
            self._worker.wait(GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                self._worker.kill()
