"""Measures wall time, and peak memory (VmHWM) above that of the idle process, in one child process per case."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path


def memory_mb(name):
    """Return VmHWM (peak) or VmRSS of this process, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class Timer:
    def __enter__(self):
        self.idle, self.start = memory_mb("VmHWM"), time.perf_counter()
        return self

    def __exit__(self, *_):
        self.wall = time.perf_counter() - self.start
        self.above = memory_mb("VmHWM") - self.idle

    def report(self, **more):
        return {"wall": self.wall, "above": self.above, **more}


def in_child(case, *args, settings="benchmarks.settings", module="benchmarks.cases", **env):
    """Run a case of benchmarks.cases, or of another module, in a new process; return its report."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, **env}
    done = subprocess.run(
        [sys.executable, "-m", module, case, *map(str, args)],
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{case} failed")
    return json.loads(done.stdout.strip().splitlines()[-1])


def median(runs, key="wall"):
    return statistics.median(run[key] for run in runs)
