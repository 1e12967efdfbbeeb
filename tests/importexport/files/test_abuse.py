"""Files that are as bad as they can be: an answer in bounded time and memory, and a server that is well afterwards."""

import codecs

import pytest

from importexport.files.table import BYTES_PER_BATCH
from tests.support.real import RealTenant

MB = 1024 * 1024
HEADER = b"first_name,last_name,email\n"


@pytest.fixture(scope="module")
def hardy(launch):
    server = launch()
    yield server
    server.stop()


@pytest.fixture
def real_tenant(hardy):
    return RealTenant(hardy)


def filled(head, piece, size=BYTES_PER_BATCH * 5 // 4):
    """Return a file of more than a batch."""
    return head + piece * ((size - len(head)) // len(piece))


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (filled(HEADER, b"\n"), 200),
        (filled(HEADER, b","), 200),
        (filled(HEADER, b"\r"), 200),
        (filled(HEADER, b"a,b\r"), 200),
        (filled(HEADER, b'"\r'), 200),
        (filled(HEADER, b'"\r') + b'"', 400),
        (filled(HEADER, codecs.BOM_UTF8 + b"a,b,c\n"), 200),
        (filled(b"", b"\n"), 400),
        (filled(b"", b"sep=;\n"), 400),
        (filled(HEADER, b'"'), 400),
        (filled(HEADER + b'"', b'""') + b'"', 200),
        (filled(HEADER, b'"\n"\n'), 200),
        (filled(HEADER, b'"",'), 200),
        (filled(HEADER + b'"', b"x"), 400),
        (filled(HEADER + b'"', b"x\n"), 400),
        (filled(HEADER, b"x"), 200),
        (filled(b"", b"x"), 400),
        (filled(b"", b"x,"), 400),
        (filled(b"", b"first_name,"), 400),
        (filled(HEADER, b"\xff"), 400),
        (filled(HEADER, b"a,b,c@example.com\n"), 200),
        (filled(HEADER, b"\xf0\x9f\x98\x80,b,c\n"), 200),
        (filled(HEADER + b"A,B,", b"@"), 200),
        (filled(HEADER + b"A,B,", b"a."), 200),
        (filled(b"name,tags\nA,", b"t;"), 200),
        (filled(b'name,tags\nA,"', b"t,") + b'"', 200),
        (filled(b"name,employee_count\nA,", b"9"), 200),
        (filled(b"name,city\n", b"'=\n"), 200),
        (filled(b"name,phone\nA,+", b"1") + b"x", 200),
        (filled(b"name,phone\nA,=", b'"') + b"x", 200),
        (filled(b"name,city\n", (b"x" * 100_000) + b"," + (b"y" * 100_000) + b"\n"), 200),
    ],
    ids=lambda value: None if isinstance(value, int) else repr(value[-12:]),
)
def test_a_file_of_one_thing_only_is_answered(real_tenant, content, status):
    entity = "companies" if content.startswith(b"name") else "contacts"
    answered, body = real_tenant.post(entity, content[: 10 * MB])
    assert answered == status
    if status == 200:
        assert body["totalRows"] == body["imported"] + body["skipped"]
        assert len(body["errors"]) == body["skipped"]
    else:
        assert real_tenant.count("contact") == 0
    assert real_tenant.post("companies", b"name\nStill here\n")[1]["imported"] == 1


def test_five_thousand_columns_in_every_row(real_tenant):
    content = ("name," + ",".join(f"c{n}" for n in range(5000)) + "\n").encode() + (b"x" + b"," * 5000 + b"\n") * 1900
    assert real_tenant.post("companies", content)[1]["imported"] == 1
