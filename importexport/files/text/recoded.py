"""A file in another encoding, read as UTF-8."""

import codecs
from typing import Protocol

from importexport import errors

#: The encodings that a caller can name, and Python's names for them.
ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16", "windows-1252": "cp1252"}


class Source(Protocol):
    """A readable binary file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, or none at the end."""

    def seekable(self) -> bool:
        """Whether the file is known to end."""


class Recoded:
    """Reads a file of another encoding as UTF-8; raises FileError for bytes that the encoding does not have."""

    def __init__(self, file: Source, encoding: str) -> None:
        self._file, self._name = file, encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._left = b""
        self._lines = 0

    def seekable(self) -> bool:
        """Whether the file is known to end."""
        return self._file.seekable()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes in UTF-8, at most ``size`` unless it is negative; none only at the end."""
        while not self._left or size < 0:
            chunk = self._file.read(64 * 1024)
            self._left += self._decoded(chunk).encode(errors="surrogatepass")
            if not chunk:
                break
        cut = len(self._left) if size < 0 else size
        data, self._left = self._left[:cut], self._left[cut:]
        return data

    def _decoded(self, chunk: bytes) -> str:
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(codec(self._name, chunk))()
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            row = self._lines + 1 + error.object[: error.start].count(b"\n")
            raise errors.wrong_encoding(self._name, row) from None
        self._lines += text.count("\n")
        return text


def codec(encoding: str, head: bytes) -> str:
    """Return Python's name of an encoding; that of UTF-16 without a mark by the first of two bytes."""
    if encoding != "utf-16" or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ENCODINGS[encoding]
    return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"


def marked_encoding(head: bytes) -> str:
    """Return the encoding that a file's byte-order mark proves: ``utf-8``, ``utf-16``, or "" without a mark."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return ""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8" if head.startswith(codecs.BOM_UTF8) else ""
