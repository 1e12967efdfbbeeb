"""Streamed files, and who ends them."""

from django.test import RequestFactory

from importexport.http.downloads import file_response


def made(log):
    """Yield the pieces of a file; log that it was let go."""
    try:
        yield from (b"a", b"b", b"c", b"d")
    finally:
        log.append("let go")


def test_a_file_of_which_nothing_was_taken_is_let_go_with_its_response():
    log = []
    pieces = made(log)
    file_response(RequestFactory().get("/"), pieces, "a.csv", "text/csv").close()
    assert log == ["let go"]


def test_a_file_of_which_a_part_was_taken_is_let_go_with_its_response():
    log = []
    pieces = made(log)
    response = file_response(RequestFactory().get("/"), pieces, "a.csv", "text/csv")
    assert next(iter(response)) == b"a"
    response.close()
    assert log == ["let go"]


def test_all_of_a_file_is_sent_though_its_first_pieces_were_made_before():
    response = file_response(RequestFactory().get("/"), made([]), "a.csv", "text/csv")
    assert b"".join(response) == b"abcd"
