"""Open files: a connection is one, and a file on its way to a slow reader another."""

import resource

#: Enough for every connection and its file; a process that could open a million would be slow to start others.
WANTED = 8192
#: What a worker needs besides: the database's connections, uploads, logs.
BESIDES = 128


def raise_file_limit() -> int:
    """Let this process open as many files as it may, at most WANTED; return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def connections_for(files: int) -> int:
    """Return how many connections so many open files are enough for."""
    return max((files - BESIDES) // 2, 1)
