"""A part of XLSX in blocks of whole items (rows, strings), in the style of Excel, whichever program wrote it."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from importexport import errors
from importexport.files.workbooks.xml import canonical

#: The most bytes of an item, and of what stands before the first one.
ITEM_LIMIT = 32 * 1024**2
#: How many chunks are kept of what stands behind the items.
CHUNKS_BEHIND = 16
#: The start of a part in UTF-8; the group is the prefix of its elements.
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml(?>(?:[^>e]++|(?!encoding)e)*)(?:encoding=[\"'](?i:utf-8|us-ascii)[\"'][^>]*+)?>\s*+)?"
    rb"<((?:[A-Za-z_][\w.-]*:)?)[A-Za-z]"
)


def blocks(chunks: Iterable[bytes], *, item: str, inside: tuple[str, ...]) -> Iterator[bytes]:
    """Yield a part in blocks: whole items each, the first one with what stands before, the last one with what follows.

    ``inside`` are the elements around the items. Only the beginning of what follows is yielded; the rest of the
    part is only read for its checksum. Comments and CDATA could hide the end of an item, so a part that has
    them is rewritten from there on.
    """
    source = iter(chunks)
    head = next(source, b"")
    root = _ROOT.match(head)
    source = chain([head], source) if root else canonical(chain([head], source))
    prefix = root[1] if root else b""
    cutter = Cutter(item, inside[-1], prefix)
    while chunk := next(source, b""):
        if b"<!" in cutter.border + chunk:
            before = b"".join(b"<%b%b>" % (prefix, name.encode()) for name in inside) if cutter.has_cut else b""
            source = canonical(chain([before, cutter.rest(), chunk], source))
            prefix, cutter = b"", Cutter(item, inside[-1], b"")
            continue
        block = cutter.cut(chunk)
        if block:
            yield without_prefix(block, prefix)
        if cutter.is_closed:
            break
    yield without_prefix(cutter.rest() + beginning(source), prefix)


def beginning(chunks: Iterable[bytes]) -> bytes:
    """Return the beginning of what follows the items, and read all of it."""
    kept: list[bytes] = []
    for chunk in chunks:
        if len(kept) < CHUNKS_BEHIND:
            kept.append(chunk)
    return b"".join(kept)


def without_prefix(block: bytes, prefix: bytes) -> bytes:
    """Return whole elements without the prefix of their names."""
    return block.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</") if prefix else block


class Cutter:
    """Joins chunks, and cuts them behind the last whole item."""

    def __init__(self, item: str, container: str, prefix: bytes) -> None:
        self._end = b"</%b%b>" % (prefix, item.encode())
        self._closing = b"</%b%b" % (prefix, container.encode())
        self._kept: list[bytes] = []
        self.has_cut = self.is_closed = False

    @property
    def border(self) -> bytes:
        """The last bytes so far, which may begin a tag."""
        return self._kept[-1][-len(self._closing) - 1 :] if self._kept else b""

    def cut(self, chunk: bytes) -> bytes:
        """Add a chunk; return everything to the end of the last whole item, or nothing."""
        seen = self.border + chunk
        self.is_closed = self._closing in seen
        self._kept.append(chunk)
        if self._end in seen:
            text = self.rest()
            at = text.rfind(self._end) + len(self._end)
            self._kept, self.has_cut = [text[at:]], True
            return text[:at]
        if sum(map(len, self._kept)) > ITEM_LIMIT:
            raise errors.oversized_workbook()
        return b""

    def rest(self) -> bytes:
        """Return what has not been cut."""
        text, self._kept = b"".join(self._kept), []
        return text
