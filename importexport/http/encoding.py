"""gzip for streamed responses (RFC 9110, section 12.5.3)."""

import re
import zlib
from collections.abc import Iterator

#: A fast level. CSV files still shrink to a quarter, and their export is not slowed down.
LEVEL = 1
#: Tells zlib to write gzip's header and checksum.
GZIP = 16 + zlib.MAX_WBITS
_CODING = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header prefers gzip to the file as it is, or at least does not mind.

    Malformed parts of the header are ignored.
    """
    found = (_CODING.fullmatch(part) for part in header.split(","))
    weights = {match[1].lower(): float(match[2] or 1) for match in found if match}
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces compressed, each so that the client can read it at once; closes them when it is closed."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    try:
        for piece in pieces:
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()
    finally:
        pieces.close()  # type: ignore[attr-defined]
