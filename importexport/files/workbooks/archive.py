"""The ZIP archive of a workbook. Its directory is checked before anything is unpacked."""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from importexport import errors

#: Small pieces stay in the processor's cache.
CHUNK = 64 * 1024
#: The most bytes that a part may unpack to, and how many times its packed size from MAY_BE_DENSE bytes on. Deflate
#: packs zeros a thousandfold; sheets of many equal cells come to a hundred.
PART_LIMIT = 1024**3
RATIO_LIMIT, MAY_BE_DENSE = 250, 64 * 1024**2
#: The most entries; workbooks have some dozens, and some thousands with pictures.
ENTRY_LIMIT = 20_000
#: The most bytes of a part that is read as a whole.
SMALL_LIMIT = 32 * 1024**2
_IS_ENCRYPTED = 0x1


class Archive:
    """The parts of a workbook by name. Names differ in case and slashes between programs."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file)
        entries = self._zip.infolist()
        if len(entries) > ENTRY_LIMIT:
            raise errors.oversized_workbook()
        self._entries = {_key(entry.filename): entry for entry in entries}

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    def chunks(self, name: str, *, limit: int = PART_LIMIT) -> Iterator[bytes]:
        """Yield the contents of a part; raise FileError if it is missing, encrypted or too large."""
        entry = self._entries.get(_key(name))
        if entry is None:
            raise errors.damaged_workbook()
        check(entry, limit)
        with self._zip.open(entry) as part:
            while chunk := part.read(CHUNK):
                yield chunk

    def read(self, name: str) -> bytes:
        """Return the contents of a small part."""
        return b"".join(self.chunks(name, limit=SMALL_LIMIT))

    def head(self, name: str, size: int) -> bytes:
        """Return the first bytes of a part, or none if it is missing."""
        if name not in self:
            return b""
        return next(self.chunks(name), b"")[:size]

    def size(self, name: str) -> int:
        """Return the number of bytes that a part unpacks to."""
        entry = self._entries.get(_key(name))
        return entry.file_size if entry else 0


def check(entry: zipfile.ZipInfo, limit: int) -> None:
    """Raise FileError for an entry that must not be unpacked. No more comes out of one than it says."""
    if entry.flag_bits & _IS_ENCRYPTED:
        raise errors.encrypted_workbook()
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise errors.damaged_workbook()
    is_bomb = entry.file_size > max(MAY_BE_DENSE, RATIO_LIMIT * entry.compress_size)
    if is_bomb or entry.file_size > limit:
        raise errors.oversized_workbook()


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
