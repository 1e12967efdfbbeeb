"""Which Accept-Encoding headers ask for gzip (RFC 9110, section 12.5.3), and gzip in a stream."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.http.encoding import accepts_gzip, gzipped


@pytest.mark.parametrize(
    "header",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "*",
        "gzip;q=0.001",
        "gzip ; Q=1.0",
        "deflate, gzip, br, zstd",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "identity;q=0.5, gzip;q=0.5",
        "gzip, *;q=0",
        "identity;q=0, *",
        "nonsense;;, gzip",
    ],
)
def test_gzip_is_accepted(header):
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0.000",
        "*;q=0",
        "gzip;q=0, *",
        "identity, gzip;q=0.9",
        "gzip;q=2",
        "gzip;q=abc",
        "gzi p",
    ],
)
def test_gzip_is_not_accepted(header):
    assert not accepts_gzip(header)


@given(st.lists(st.binary(max_size=2000)))
def test_what_is_packed_is_unpacked_again(pieces):
    packed = b"".join(gzipped(piece for piece in pieces))
    assert gzip.decompress(packed) == b"".join(pieces)


def test_each_piece_can_be_read_when_it_has_come():
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    pieces = [b"one,two\r\n", b"3,4\r\n", b"5,6\r\n"]
    packed = gzipped(piece for piece in pieces)
    assert [unpack.decompress(next(packed)) for _ in pieces] == pieces


def test_closing_it_closes_what_is_packed():
    closed = []

    def pieces():
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    packed = gzipped(pieces())
    next(packed)
    packed.close()
    assert closed == [True]
