"""The file that an import reads: its size, SHA-256 and name."""

import hashlib
import re
from typing import BinaryIO

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Measured:
    """A file that measures its size and SHA-256 while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    def read_on(self) -> None:
        """Read the rest, so that size and digest cover the whole file."""
        while self.read(64 * 1024):
            pass

    def seekable(self) -> bool:
        """Whether the file is known to end; a pipe may never do so."""
        return self._file.seekable()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes read so far, in hex."""
        return self._digest.hexdigest()


def printable(text: str) -> str:
    """Return a text that can be stored and displayed: control characters and lone surrogates become U+FFFD."""
    return _CONTROL.sub("\ufffd", text)


def tidy_name(name: str) -> str:
    """Return a file name that can be stored and displayed: without directories, at most 255 characters."""
    return printable(re.split(r"[/\\]", name)[-1])[-255:]
