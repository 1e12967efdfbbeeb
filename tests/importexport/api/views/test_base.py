"""The order in which a request is judged: 401, 429, 403, 404, 405, 406, 400, 403, 415, 413, 400."""

import pytest

from tests.importexport.api.wire import CONTACTS, IMPORT, TEMPLATE, form

IMAGE = {"Accept": "image/png"}


def test_an_unknown_path_needs_a_key_first(api):
    assert api.request("GET", "/api/v1/importexport/leads/export").status == 401
    assert api.request("GET", "/api/nothing/here").status == 401


def test_an_unknown_path_comes_before_its_method(api, key):
    answer = api.request("DELETE", "/api/v1/importexport/leads/export", key=key)
    assert (answer.status, answer.headers["Allow"]) == (404, None)


def test_the_method_comes_before_accept(api, key):
    assert api.request("DELETE", TEMPLATE, key=key, headers=IMAGE).status == 405


def test_accept_comes_before_the_query(api, key):
    assert api.request("GET", f"{TEMPLATE}?page=2", key=key, headers=IMAGE).status == 406


def test_the_query_comes_before_the_scope(api, account):
    assert api.request("POST", f"{IMPORT}?page=2", key=account.add_key("read")).status == 400


def test_the_scope_comes_before_the_body(api, account):
    answer = api.request("POST", IMPORT, key=account.add_key("read"), body=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status == 403


def test_the_kind_of_file_comes_before_its_size(api, key):
    assert api.upload(IMPORT, form(b"%PDF-1.7\n" + b"x" * 11 * 2**20), key=key).status == 415


def test_the_size_comes_before_what_is_in_the_file(api, key):
    assert api.upload(IMPORT, form(b"\xff" * (10 * 2**20 + 1)), key=key).status == 413


@pytest.mark.parametrize(
    "path", ["leads/export", "contacts", "contacts/export/pdf", "Contacts/export", "contacts/export//"]
)
def test_unknown_paths_are_404(api, key, path):
    answer = api.request("GET", f"/api/v1/importexport/{path}", key=key)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v2/importexport/contacts/export", "/api/v1/importexport/contacts/export%0A"]
)
def test_paths_outside_the_versions_are_404(api, key, path):
    assert api.request("GET", path, key=key).status == 404


@pytest.mark.parametrize("version", ["v1/", ""])
@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("entity", ["contacts", "companies", "deals", "activities"])
def test_every_path_works_with_and_without_version_and_slash(api, key, version, slash, entity):
    for what in ("template", "export", "export/excel"):
        path = f"/api/{version}importexport/{entity}/{what}{slash}"
        assert api.request("GET", path, key=key).status == 200, path
    imported = api.upload(f"/api/{version}importexport/{entity}/import{slash}", form(b""), key=key)
    assert (imported.status, imported.detail) == (400, "The file is empty.")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_than_get_are_refused_with_those_there_are(api, key, method):
    answer = api.request(method, TEMPLATE, key=key)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_an_import_is_a_post(api, key, method):
    answer = api.request(method, IMPORT, key=key)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("query", ["suffix=csv", "a=1&a=2", "x", "=1", "%ff=1", "&&b"])
def test_a_query_parameter_is_refused(api, key, query):
    answer = api.request("GET", f"{TEMPLATE}?{query}", key=key)
    assert answer.status == 400
    assert "query parameter" in answer.detail


def test_too_many_query_parameters_are_refused(api, key):
    query = "&".join(["a"] * 1_001)
    answer = api.request("GET", f"{TEMPLATE}?{query}", key=key)
    assert (answer.status, answer.detail) == (400, "The query has too many parameters.")


def test_the_query_parameter_is_named(api, key):
    assert "'dry run'" in api.upload(f"{IMPORT}?dry%20run=1", form(CONTACTS), key=key).detail


def test_an_empty_query_is_none(api, key):
    assert api.request("GET", f"{TEMPLATE}?", key=key).status == 200


def test_head_answers_as_get_does_without_a_body(api, key):
    got, asked = (api.request(method, TEMPLATE, key=key) for method in ("GET", "HEAD"))
    same = ("Content-Type", "Content-Disposition", "Content-Length", "X-RateLimit-Limit")
    assert [asked.headers[name] for name in same] == [got.headers[name] for name in same]
    assert (asked.status, asked.body) == (200, b"")


def test_problems_are_problem_details(api, key):
    answer = api.request("GET", "/api/nothing", key=key)
    assert set(answer.json) == {"type", "title", "status", "detail"}
    assert answer.json["status"] == 404
    assert answer.json["type"] == "/api/docs/problems#no-such-path"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_problem_waits_for_its_type_to_be_accepted(api):
    answer = api.request("GET", TEMPLATE, headers=IMAGE)
    assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json")


def test_a_host_that_is_not_ours_gets_a_problem(api, key):
    answer = api.request("GET", TEMPLATE, key=key, headers={"Host": "evil.example"})
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
