"""The limit of open files. A connection uses one, and a file being sent to a slow client another."""

import resource

#: Enough for all connections and their files. With a limit of a million, starting subprocesses would be slow.
WANTED = 8192
#: Files a worker needs for other purposes: database connections, uploads, logs.
BESIDES = 128


def raise_file_limit() -> int:
    """Raise the limit of open files to at most WANTED; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def connections_for(files: int) -> int:
    """Return the number of connections that a number of open files allows."""
    return max((files - BESIDES) // 2, 1)
