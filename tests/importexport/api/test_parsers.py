"""Bodies as they come over the wire: whole, in chunks, in halves, endless, and other than they say they are."""

import io
import random
import secrets
import time
from collections.abc import Iterator

import pytest

from tests.importexport.api.conftest import Account
from tests.importexport.api.wire import BOUNDARY, CONTACTS, IMPORT, Form, answer_on, form, head

LIMIT = 10 * 1024 * 1024
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def of_size(size: int) -> bytes:
    """A file of an exact size with one contact, and the rest in its notes."""
    start = b"first_name,last_name,email,zzz\nAda,Lovelace,ada@example.com,"
    return start + b"x" * (size - len(start))


def opening(name: str = "file", filename: str = "a.csv") -> bytes:
    disposition = f'form-data; name="{name}"; filename="{filename}"'
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()


# --- what is taken -------------------------------------------------------------------------------------------


def test_an_import_answers_with_the_result(api, account, key):
    answer = api.upload(IMPORT, form(CONTACTS + b"Ada,Lovelace,ADA@example.com\r\n"), key=key)
    message = "Row 3: Duplicate contact with email 'ADA@example.com'"
    assert answer.json == {"totalRows": 2, "imported": 1, "skipped": 1, "errors": [message]}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Import-Ignored-Columns"] is None
    assert account.count() == 1


def test_a_body_without_a_length_is_taken_in_chunks(api, key):
    def pieces() -> Iterator[bytes]:
        body = form(CONTACTS).body
        yield from (body[i : i + 7] for i in range(0, len(body), 7))

    answer = api.request("POST", IMPORT, key=key, headers=form(b"").headers, body=pieces(), chunked=True)
    assert (answer.status, answer.json["imported"]) == (200, 1)


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_file_of_exactly_the_limit_is_taken(api, key, in_chunks):
    body = form(of_size(LIMIT)).body
    answer = api.request(
        "POST",
        IMPORT,
        key=key,
        headers=form(b"").headers,
        body=io.BytesIO(body) if in_chunks else body,
        chunked=in_chunks,
    )
    assert (answer.status, answer.headers["X-Import-Ignored-Columns"]) == (200, "zzz")


@pytest.mark.parametrize("size", range(60_000, 66_100, 101))
def test_the_end_may_fall_anywhere_between_two_reads(api, key, size):
    """Whatever the size, what follows the last boundary is no error."""
    sent = Form([("other", None, b"x" * (size - 59_990)), ("file", "a.csv", b"")], end=b"--\r\n" + b"\r\n" * 700)
    assert api.upload(IMPORT, sent, key=key).detail == "The file is empty."


def test_other_fields_are_passed_over(api, key):
    sent = Form([("note", None, b"hello"), ("file", "a.csv", CONTACTS), ("_charset_", None, b"utf-8")])
    assert api.upload(IMPORT, sent, key=key).json["imported"] == 1


def test_what_stands_before_and_after_the_parts_is_passed_over(api, key):
    sent = form(CONTACTS)
    body = b"This is a form.\r\n" + sent.body + b"That was it."
    assert api.request("POST", IMPORT, key=key, headers=sent.headers, body=body).json["imported"] == 1


def part(disposition: str) -> bytes:
    """Return a form of one part with a Content-Disposition of any kind."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + CONTACTS + f"\r\n--{BOUNDARY}--\r\n".encode()


def brought_as(api, key, disposition):
    """Plan a file that comes in such a part; return the status, and the file's name or what is wrong."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = api.request("POST", "/api/v1/importexport/contacts/plan", key=key, headers=headers, body=part(disposition))
    return answer.status, answer.json["fileName"] if answer.status == 201 else answer.detail


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("form-data; name=\"file\"; filename*=UTF-8''M%C3%BCller%20%E2%82%AC.csv", "Müller €.csv"),
        ("form-data; name=\"file\"; filename*=utf-8'de'a.csv", "a.csv"),
        ('form-data; name="file"; filename="a.csv"; filename*=UTF-8\'\'%C3%A4.csv', "ä.csv"),
        ('form-data; name="file"; filename="ä filename*.csv"', "ä filename*.csv"),
        ("form-data; name=\"file\"; filename*=iso-8859-1''%E4.csv", "ä.csv"),
        ('form-data; name="file"; filename*=a.csv', "a.csv"),
        ("form-data; name=\"file\"; FILENAME*=''%C3%A4.csv", "ä.csv"),
        ("form-data; name=\"file\"; filename*0*=UTF-8''%C3%A4; filename*1=b.csv", "äb.csv"),
        ("form-data; name=\"file\"; filename*=UTF-8''a%00b%0A%1B.csv", "a\ufffdb\ufffd\ufffd.csv"),
        ("form-data; name=\"file\"; filename*=UTF-8''%FF%ED%A0%80.csv", "\ufffd\ufffd\ufffd\ufffd.csv"),
        ("form-data; name=\"file\"; filename*=UTF-8''..%2F..%5Cetc%2Fpasswd", "passwd"),
        ('form-data; name="file"; filename*=UTF-8\'%41.csv', "UTF-8'A.csv"),
        ('form-data; name="file"; filename="ä \\"filename*\\".csv"', 'ä "filename*".csv'),
        ('form-data; name="file"; filename="ä %22filename*.csv"', 'ä "filename*.csv'),
    ],
)
def test_a_name_in_the_extended_form_is_the_files_name(api, key, disposition, name):
    assert brought_as(api, key, disposition) == (201, name)


@pytest.mark.parametrize(
    "name",
    [
        "klingon''a.csv", "unicode_escape''%5Cud800.csv", "utf-7''+2AA-.csv", "rot13''a.csv", "undefined''a.csv",
        "UTF-8''a; filename*1*=b", "UTF-8''a; filename*0*=b",
    ],
)  # fmt: skip
def test_a_name_in_an_unknown_character_set_is_one_sentence(api, key, name):
    detail = "The file's name is malformed: 'filename*' must begin with UTF-8''."
    assert brought_as(api, key, f'form-data; name="file"; filename*={name}') == (400, detail)


@pytest.mark.parametrize("name", ["klingon''b.csv", "UTF-8''", "''", "utf-7''+2AA-.csv", "UTF-8''a; filename*1*=b"])
def test_the_plain_name_counts_where_the_extended_one_says_nothing(api, key, name):
    assert brought_as(api, key, f'form-data; name="file"; filename="ä.csv"; filename*={name}') == (201, "ä.csv")


def test_a_file_without_any_name_is_no_file(api, key):
    status, detail = brought_as(api, key, "form-data; name=\"file\"; filename*=UTF-8''")
    assert (status, "in the field 'file', with a name" in detail) == (400, True)


@pytest.mark.parametrize("filename", ["ü 'x'.csv", "C:\\\\files\\\\a.csv", "a%22b.csv", "../../etc/passwd", "x" * 3000])
def test_any_file_name_does(api, key, filename):
    assert api.upload(IMPORT, form(CONTACTS, filename=filename), key=key).status == 200


def test_a_file_name_in_an_old_encoding_does(api, key):
    body = form(CONTACTS).body.replace(b"contacts.csv", b"Gr\xf6\xdfe.csv")
    assert api.request("POST", IMPORT, key=key, headers=form(b"").headers, body=body).status == 200


def test_a_quoted_boundary_does(api, key):
    sent = form(CONTACTS)
    headers = {"Content-Type": f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"'}
    assert api.request("POST", IMPORT, key=key, headers=headers, body=sent.body).status == 200


# --- what is refused: 415, 413, 400 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["", "text/csv", "application/json", "application/x-www-form-urlencoded", "multipart/mixed"]
)
def test_another_content_type_is_415(api, account, key, kind):
    answer = api.request("POST", IMPORT, key=key, headers={"Content-Type": kind} if kind else {}, body=CONTACTS)
    assert answer.status == 415
    assert account.count() == 0


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"\x1f\x8b\x08"]
)
def test_a_file_that_is_no_csv_is_415(api, key, start):
    assert api.upload(IMPORT, form(start + bytes(100), filename="contacts.csv"), key=key).status == 415


def test_a_file_that_is_no_csv_is_refused_at_its_first_bytes(api, key):
    with api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length="5000000"))
        connection.sendall(opening() + b"%PDF-1.7" + bytes(4000))
        assert answer_on(connection).status == 415


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_byte_over_the_limit_is_413(api, account, key, in_chunks):
    body = form(of_size(LIMIT + 1)).body
    answer = api.request(
        "POST",
        IMPORT,
        key=key,
        headers=form(b"").headers,
        body=io.BytesIO(body) if in_chunks else body,
        chunked=in_chunks,
    )
    assert answer.status == 413
    assert account.count() == 0


def test_a_file_is_refused_as_soon_as_it_is_too_large(api, key):
    with api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Transfer_Encoding="chunked"))
        connection.sendall(chunk(opening() + of_size(LIMIT)) + chunk(b"x" * 100_000))
        assert answer_on(connection).status == 413


def test_fields_beside_the_file_are_bounded(api, key):
    assert api.upload(IMPORT, Form([("note", None, b"x" * 300_000)]), key=key).status == 413


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [("file", None, CONTACTS)],
        [("file", "", CONTACTS)],
        [("upload", "a.csv", CONTACTS)],
        [("File", "a.csv", CONTACTS)],
        [("file", "a.csv", CONTACTS), ("file", "b.csv", CONTACTS)],
        [("note", None, b"x")] * 200,
    ],
)
def test_a_form_without_one_file_is_400(api, account, key, parts):
    assert api.upload(IMPORT, Form(parts), key=key).status == 400
    assert account.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"first_name\r\nAda\r\n",
        form(CONTACTS).body.removesuffix(b"--\r\n"),
        form(CONTACTS).body[:-20],
        form(CONTACTS).body.replace(b"\r\n", b"\n"),
        form(CONTACTS).body.replace(b"form-data;", b"attachment;"),
        form(CONTACTS).body.replace(b"Content-Disposition", b"X-Other"),
        form(CONTACTS).body.replace(b"Content-Disposition", b"A" * 10_000),
        form(CONTACTS).body.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
    ],
)  # fmt: skip
def test_a_malformed_form_is_400(api, account, key, body):
    answer = api.request("POST", IMPORT, key=key, headers={"Content-Type": MULTIPART}, body=body)
    assert answer.status == 400
    assert account.count() == 0


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 300}"]
)
def test_a_missing_boundary_is_400(api, key, kind):
    assert api.request("POST", IMPORT, key=key, headers={"Content-Type": kind}, body=form(CONTACTS).body).status == 400


def test_no_body_at_all_is_400(api, key):
    assert api.request("POST", IMPORT, key=key, headers={"Content-Type": MULTIPART}).status == 400


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nabc", b"-1\r\n\r\n", b"5;=\r\nabcde\r\n", b"3\r\nabcde\r\n"])
def test_malformed_chunks_are_400(api, account, key, rest):
    with api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Transfer_Encoding="chunked"))
        connection.sendall(chunk(opening() + CONTACTS) + rest)
        connection.shutdown(1)
        assert answer_on(connection).status == 400
    assert account.count() == 0


@pytest.mark.parametrize("length", [True, False])
def test_a_body_that_stops_half_way_is_400(api, account, key, length):
    framing = {"Content_Length": "5000"} if length else {"Transfer_Encoding": "chunked"}
    data = opening() + CONTACTS
    with api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, **framing))
        connection.sendall(data if length else chunk(data))
        connection.shutdown(1)
        assert answer_on(connection).status == 400
    assert account.count() == 0


def test_a_client_that_hangs_up_leaves_the_server_well(api, account, key):
    for _ in range(5):
        with api.open() as connection:
            connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length="5000") + opening())
    assert api.upload(IMPORT, form(CONTACTS), key=key).json["imported"] == 1
    assert "Traceback" not in api.server.log_text()


# --- what never ends -----------------------------------------------------------------------------------------


def test_a_body_that_stands_still_is_408(strict_api, account, key):
    with strict_api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length="5000") + opening())
        assert answer_on(connection).status == 408
    assert account.count() == 0


def test_a_body_that_drips_is_408(strict_api, key):
    with strict_api.open() as connection:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length="5000") + opening())
        connection.settimeout(0.2)
        for _ in range(40):
            connection.sendall(b"x")
            try:
                if connection.recv(1, 2):  # MSG_PEEK
                    break
            except TimeoutError:
                continue
        assert answer_on(connection).status == 408


@pytest.mark.parametrize("endless", [b"\r\n", b"a-preamble", b"x: y\r\n"])
def test_an_endless_body_is_refused(api, key, endless):
    """Before the first boundary, and in a part's headers."""
    start = b"" if b":" not in endless else f"--{BOUNDARY}\r\n".encode()
    with api.open() as connection:
        connection.sendall(
            head(IMPORT, key=key, Content_Type=MULTIPART, Transfer_Encoding="chunked") + chunk(start + b"\r\n")
        )
        connection.sendall(chunk(endless * 20_000) * 10)
        assert answer_on(connection).status in {400, 413}


# --- the answer to what is refused early can be read, and the next request understood --------------------------


@pytest.mark.parametrize("valid", [True, False])
def test_an_early_answer_reaches_a_client_that_sends_on(api, key, valid):
    body = opening() + b"%PDF-1.7" + bytes(50_000_000)
    with api.open() as connection:
        connection.sendall(
            head(IMPORT, key=key if valid else "", Content_Type=MULTIPART, Content_Length=str(len(body)))
        )
        connection.sendall(body)
        assert answer_on(connection).status == (415 if valid else 401)


def test_the_connection_stays_in_step_after_a_refused_body(api, key):
    body = form(CONTACTS).body
    rejected = head(IMPORT, Content_Type=MULTIPART, Content_Length=str(len(body))) + body
    taken = head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length=str(len(body))) + body
    with api.open() as connection:
        for request, expected in ((rejected, 401), (taken, 200), (rejected, 401)):
            connection.sendall(request)
            assert answer_on(connection).status == expected


def test_a_client_that_waits_to_be_asked_is_served(api, key):
    body = form(CONTACTS).body
    with api.open() as connection:
        connection.sendall(
            head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length=str(len(body)), Expect="100-continue")
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer_on(connection).status == 200


def test_slow_uploads_hold_up_no_other_tenant(api, server, key):
    other = Account(server, f"t{secrets.token_hex(6)}")
    slow = [api.open() for _ in range(40)]
    for connection in slow:
        connection.sendall(head(IMPORT, key=key, Content_Type=MULTIPART, Content_Length="5000") + opening())
    time.sleep(0.2)
    assert api.upload(IMPORT, form(CONTACTS), key=other.add_key()).status == 200
    for connection in slow:
        connection.close()


# --- odd files -----------------------------------------------------------------------------------------------


def test_random_bytes_are_rejected(api, account, key):
    generator = random.Random(7)
    for _ in range(30):
        body = generator.randbytes(generator.randrange(5000))
        assert api.request("POST", IMPORT, key=key, headers={"Content-Type": MULTIPART}, body=body).status == 400
        assert api.upload(IMPORT, form(b"first_name,last_name,email\n\xff" + body), key=key).status == 400
    assert account.count() == 0


def test_a_cell_of_100_000_characters_rejects_only_its_row(api, key):
    row = b"A,B,c@example.com," + b"x" * 100_000
    answer = api.upload(IMPORT, form(b"first_name,last_name,email,notes\n" + row), key=key)
    assert answer.json["errors"] == ["Row 2: Value too long in 'notes' (maximum 10000 characters)"]


def test_thousands_of_errors_are_all_reported(api, key):
    rows = b"first_name,last_name,email\n" + b"A,B,nobody\n" * 3000
    answer = api.upload(IMPORT, form(rows), key=key)
    assert answer.json["skipped"] == len(answer.json["errors"]) == 3000
    assert answer.json["errors"][-1] == "Row 3001: Invalid email format 'nobody'"
