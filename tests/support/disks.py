"""A disk without space, as a process sees it that may not write so much."""

import contextlib
import resource


@contextlib.contextmanager
def limited_files(size):
    """Context in which no file of this process can grow beyond a size in bytes: the kernel refuses to write on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
