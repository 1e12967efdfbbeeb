"""The rate limit, and tenants in host names."""

import time

import pytest

from tests.importexport.api.wire import EXPORT, IMPORT, TEMPLATE, form

LIMIT = 5


def remaining(answer):
    return int(answer.headers["X-RateLimit-Remaining"])


def move_window(account, by):
    account.sql(
        "UPDATE importexport_ratewindow SET started_at = started_at + %s::interval WHERE tenant_id = %s", by, account.pk
    )


def test_every_answer_to_a_valid_key_says_what_is_left(strict_api, key):
    answers = [
        strict_api.request("GET", TEMPLATE, key=key),
        strict_api.request("GET", "/api/nothing", key=key),
        strict_api.request("PUT", TEMPLATE, key=key),
        strict_api.upload(IMPORT, form(b"PK\3\4"), key=key),
        strict_api.request("GET", EXPORT, key=key),
        strict_api.request("GET", EXPORT, key=key),
    ]
    assert [answer.status for answer in answers] == [200, 404, 405, 415, 200, 429]
    assert [remaining(answer) for answer in answers] == [4, 3, 2, 1, 0, 0]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1
    reset, now = int(answers[0].headers["X-RateLimit-Reset"]), time.time()
    assert now < reset <= now + 61


def test_beyond_the_limit_everything_is_429_until_the_window_ends(strict_api, account, key):
    for _ in range(LIMIT):
        assert strict_api.request("GET", TEMPLATE, key=key).status == 200
    rejected = strict_api.request("GET", "/api/nothing", key=key)
    assert rejected.status == 429
    assert 1 <= int(rejected.headers["Retry-After"]) <= 60
    move_window(account, "-60 s")
    assert remaining(strict_api.request("GET", TEMPLATE, key=key)) == LIMIT - 1


def test_all_keys_of_a_tenant_share_its_limit(strict_api, account):
    first, second = account.add_key(), account.add_key("read")
    assert remaining(strict_api.request("GET", TEMPLATE, key=first)) == 4
    assert remaining(strict_api.request("GET", TEMPLATE, key=second)) == 3


def test_what_has_no_valid_key_counts_for_nobody(strict_api, key):
    for bad in ("", "rk_live_" + "x" * 40):
        assert strict_api.request("GET", TEMPLATE, key=bad).headers["X-RateLimit-Limit"] is None
    assert remaining(strict_api.request("GET", TEMPLATE, key=key)) == 4


def test_a_window_from_the_future_does_not_last(strict_api, account, key):
    strict_api.request("GET", TEMPLATE, key=key)
    move_window(account, "1 day")
    account.sql("UPDATE importexport_ratewindow SET requests = 99 WHERE tenant_id = %s", account.pk)
    assert strict_api.request("GET", TEMPLATE, key=key).status == 200


def test_the_host_of_the_tenant_is_fine(strict_api, account, key):
    for host in (f"{account.slug}.rally.test", f"{account.slug.upper()}.Rally.Test:8000"):
        assert strict_api.request("GET", TEMPLATE, key=key, headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["rally.test", "crm.example", "127.0.0.1"])
def test_a_host_without_a_tenant_is_fine(strict_api, key, host):
    assert strict_api.request("GET", TEMPLATE, key=key, headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["nobody.rally.test", "a.b.rally.test", "www.rally.test:80"])
def test_the_host_of_another_tenant_is_403(strict_api, key, host):
    answer = strict_api.request("GET", "/api/nothing", key=key, headers={"Host": host})
    assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (403, "4")


def test_the_limit_comes_before_the_host(strict_api, key):
    for _ in range(LIMIT):
        strict_api.request("GET", TEMPLATE, key=key)
    assert strict_api.request("GET", TEMPLATE, key=key, headers={"Host": "nobody.rally.test"}).status == 429
