"""The file that an import reads: its size, its SHA-256, its name."""

import hashlib
import re
from typing import BinaryIO

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Measured:
    """A file whose size and SHA-256 are known once it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Return the file's next bytes."""
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    def read_on(self) -> None:
        """Read what is left, so that size and digest are the whole file's."""
        while self.read(64 * 1024):
            pass

    def seekable(self) -> bool:
        """Whether the file has an end: a pipe may have none."""
        return self._file.seekable()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._digest.hexdigest()


def tidy_name(name: str) -> str:
    """Return a file's name as it can be kept and shown: the last part of its path, at most 255 characters."""
    return _CONTROL.sub("\ufffd", re.split(r"[/\\]", name)[-1])[-255:]
