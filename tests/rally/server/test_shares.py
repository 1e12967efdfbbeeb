"""Shares of tenants: which requests are processed, queued or rejected, and that other tenants are not affected."""

import contextlib
import http.client
import re
import time
from urllib.parse import urlencode

import pytest
from django.test import Client

from rally.server.shares import Shares
from tests.support.installation import waiting_sessions
from tests.support.real import RealTenant
from tests.support.waiting import Background, moments, wait_until

SAVED, TEMPLATE = "/api/v1/importexport/mappings", "/api/v1/importexport/contacts/template"


# --- turns ------------------------------------------------------------------------------------------------------


class Line:
    """The shares of a server, and the turns of requests, by names that a test gives them."""

    def __init__(self, threads=8, **options):
        self.wakes = 0
        self.shares = Shares(threads=threads, wake=self.wake, **options)
        self.turns = {}

    def wake(self):
        self.wakes += 1

    def enter(self, caller, *names):
        """Add requests; return the state of each."""
        return [self._fared(name, self.shares.enter(caller, name)) for name in names]

    def leave(self, *names):
        """Complete requests; return those that can proceed."""
        for name in names:
            self.shares.leave(self.turns.pop(name))
        return self.called()

    def called(self):
        """Return the requests that can proceed."""
        found = self.shares.next_turns()
        self.turns.update(found)
        return [name for name, _ in found]

    def _fared(self, name, turn):
        if turn is None:
            return "waits"
        self.turns[name] = turn
        return "over" if turn.is_over else "works"


def test_a_caller_gets_a_quarter_of_the_threads_and_a_limited_queue():
    assert Line(8).enter(b"a", *range(12)) == ["works"] * 2 + ["waits"] * 8 + ["over"] * 2


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (3, 1), (8, 2), (16, 4), (31, 7)])
def test_a_share_is_a_quarter_and_at_least_one(threads, most):
    assert Line(threads).enter(b"a", *range(threads)).count("works") == most


def test_each_caller_has_its_own_share():
    line = Line()
    line.enter(b"a", *range(12))
    assert line.enter(b"b", "b1", "b2", "b3") == ["works", "works", "waits"]


def test_requests_without_a_caller_never_wait():
    assert Line().enter(None, *range(100)) == ["works"] * 100


def test_the_queue_is_first_come_first_served():
    line = Line()
    line.enter(b"a", *range(6))
    assert line.leave(0) == [2]
    assert line.leave(2, 1) == [3, 4]
    assert line.enter(b"a", "late") == ["waits"]
    assert line.leave(3, 4) == [5, "late"]


def test_known_keys_of_a_tenant_share_its_threads():
    line = Line()
    for number in range(5):
        key = b"key %d" % number
        line.enter(key, number)
        line.turns[number].belongs_to("acme")
        line.leave(number)
    assert [line.enter(b"key %d" % number, number) for number in range(5)] == [["works"]] * 2 + [["waits"]] * 3


def test_all_requests_with_a_key_count_towards_its_tenant_once_it_is_known():
    line = Line()
    line.enter(b"new", *range(6))
    assert [line.turns[name].belongs_to("acme") for name in (1, 0)] == [True, True]
    assert line.leave(0) == [2]
    assert line.enter(b"new", "later") == ["waits"]


def test_a_new_key_of_a_tenant_that_uses_its_share_is_rejected():
    line = Line()
    fared = []
    for number in range(4):
        line.enter(b"key %d" % number, number)
        fared.append(line.turns[number].belongs_to("acme"))
    assert fared == [True, True, False, False]
    assert line.enter(b"key 0", "another") == ["waits"]
    assert line.leave(2, 3) == []
    assert line.leave(0) == ["another"]


def test_requests_in_progress_are_not_affected_by_new_keys():
    line = Line()
    line.enter(b"known", "k1", "k2")
    assert line.turns["k1"].belongs_to("acme")
    line.enter(b"new", "n1", "n2")
    assert not line.turns["n1"].belongs_to("acme")
    assert line.turns["k1"].belongs_to("acme")


def test_requests_queued_for_an_unknown_key_move_to_the_queue_of_its_tenant():
    line = Line()
    line.enter(b"known", "k1", "k2")
    for name in ("k1", "k2"):
        line.turns[name].belongs_to("acme")
    line.enter(b"new", "n1", "n2", "n3")
    assert [line.turns[name].belongs_to("acme") for name in ("n1", "n2")] == [False, False]
    assert line.called() == []
    assert line.leave("n1", "n2") == []
    assert line.leave("k1") == ["n3"]


def test_a_caller_that_changes_tenants_is_counted_for_the_new_one():
    """A superuser's session in which another tenant was chosen."""
    line = Line()
    line.enter(b"session", "s1")
    line.turns["s1"].belongs_to("acme")
    line.leave("s1")
    line.enter(b"session", "s2", "s3", "s4")
    assert line.turns["s2"].belongs_to("other")
    assert line.wakes == 1
    assert line.called() == ["s4"]


def test_a_request_that_waits_too_long_is_rejected_and_removed_from_the_queue():
    line = Line()
    line.enter(b"a", *range(4))
    assert line.shares.give_up(b"a", 2).is_over
    assert line.leave(0, 1) == [3]


def test_all_tenants_together_have_a_total():
    line = Line(total=3)
    fared = [line.enter(caller, caller.decode() + number) for caller in (b"a", b"b") for number in "12"]
    assert fared == [["works"]] * 3 + [["waits"]]
    assert line.enter(b"c", "c1") == ["waits"]
    assert line.leave("a1") == ["c1"]
    assert line.leave("a2") == ["b2"]


def test_tenants_that_wait_for_a_place_get_one_in_turn():
    line = Line(total=1)
    for caller in (b"a", b"b", b"c"):
        line.enter(caller, *(caller.decode() + number for number in "123"))
    served = ["a1"]
    while found := line.leave(served[-1]):
        served += found
    assert served == ["a1", "a2", "b1", "c1", "a3", "b2", "c2", "b3", "c3"]


def test_a_tenant_over_its_share_gives_up_its_place_to_another():
    line = Line(threads=4, total=2)
    line.enter(b"key 1", 1)
    line.enter(b"key 2", 2)
    assert line.enter(b"other", 3) == ["waits"]
    assert [line.turns[number].belongs_to("acme") for number in (1, 2)] == [True, False]
    assert line.wakes == 1
    assert line.called() == [3]
    assert line.leave(2) == []


def test_shares_of_other_requests_know_the_same_tenants():
    calls = Line()
    calls.enter(b"key 1", 1)
    calls.enter(b"key 2", 2)
    for turn in calls.turns.values():
        turn.belongs_to("acme")
    downloads = Line(4, beside=calls.shares)
    assert [downloads.enter(key, key) for key in (b"key 1", b"key 2", b"key 3")] == [["works"], ["waits"], ["works"]]


@pytest.mark.parametrize("total", [1, 3, 100])
def test_completed_requests_leave_no_place_taken(total):
    line = Line(total=total)
    for caller in (b"a", b"b", b"c"):
        line.enter(caller, *(caller + b"%d" % number for number in range(5)))
    while line.turns:
        line.leave(*list(line.turns)[:2])
    assert (line.shares._groups, line.shares._at_work) == ({}, 0)


def test_completed_requests_leave_nothing_behind():
    line = Line()
    line.enter(b"a", *range(12))
    while line.turns:
        line.leave(*line.turns)
    assert line.shares._groups == {}


# --- responses -----------------------------------------------------------------------------------------------


def test_a_page_beyond_the_share_has_an_error(db):
    answer = Client().get("/admin/login/", **{"rally.is_over_share": True})
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (
        429,
        "1",
        "no-store",
    )
    assert "Content-Security-Policy" in answer.headers
    assert "Your account has too many requests in progress." in answer.content.decode()


# --- the real server -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(server, table):
    """Lock a table, so that all requests that read it wait."""
    with server.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection


def wait_for_waiting(connection, number):
    """Wait until this number of database sessions wait for a lock."""
    wait_until(lambda: waiting_sessions(connection) >= number, f"{number} clients wait for a lock")


def wait_for_answers(asked, number):
    """Wait until exactly this number of requests have received a response."""
    for _ in moments():
        if sum(each.is_done for each in asked) == number:
            return
    pytest.fail(f"not {number} were answered, but {[each.outcome().status for each in asked if each.is_done]}")


def assert_quick(server, path, **headers):
    answer = server.get(path, **headers)
    assert (answer.status, answer.seconds < 1) == (200, True), (path, answer.status, answer.seconds)


@pytest.fixture
def small_server(start_server):
    """One process with eight threads: two per tenant, and eight places in the queue."""
    return start_server(WEB_CONCURRENCY="1", RALLY_THREADS="8")


def test_waiting_requests_of_a_tenant_do_not_delay_others(small_server):
    busy, other = RealTenant(small_server), RealTenant(small_server)
    with locked(small_server, "importexport_savedmapping") as connection:
        asked = [Background(small_server.get, SAVED, X_Api_Key=busy.secret) for _ in range(40)]
        wait_for_waiting(connection, 2)
        wait_for_answers(asked, 30)
        for path, headers in (("/healthz", {}), ("/readyz", {}), (TEMPLATE, {"X_Api_Key": other.secret})):
            assert_quick(small_server, path, **headers)
        assert sum(each.is_done for each in asked) == 30
    answers = [each.outcome() for each in asked]
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 30
    assert {answer.headers["Retry-After"] for answer in answers if answer.status == 429} == {"1"}
    assert_quick(small_server, TEMPLATE, X_Api_Key=busy.secret)


def test_new_keys_do_not_increase_a_share(small_server):
    busy, other = RealTenant(small_server), RealTenant(small_server)
    keys = [busy.secret, *(add_key(busy, number) for number in range(7))]
    with locked(small_server, "importexport_savedmapping") as connection:
        asked = [Background(small_server.get, SAVED, X_Api_Key=key) for key in keys]
        wait_for_waiting(connection, 2)
        wait_for_answers(asked, 6)
        assert_quick(small_server, TEMPLATE, X_Api_Key=other.secret)
    statuses = sorted(each.outcome().status for each in asked)
    assert statuses == [200] * 2 + [429] * 6


def add_key(tenant, number):
    from crm.models.api_key import digest_of

    secret = f"rk_live_{number:040}"
    tenant.sql(
        "INSERT INTO crm_apikey (tenant_id, name, scope, digest) VALUES (%s, %s, 'admin', %s) RETURNING id",
        tenant.pk, f"key {number}", digest_of(secret),
    )  # fmt: skip
    return secret


def test_a_request_that_waits_too_long_gets_an_error(small_server):
    busy = RealTenant(small_server)
    with locked(small_server, "importexport_savedmapping") as connection:
        asked = [Background(small_server.get, SAVED, X_Api_Key=busy.secret) for _ in range(3)]
        wait_for_waiting(connection, 2)
        wait_for_answers(asked, 1)
    answers = sorted((each.outcome().status, each.outcome().seconds) for each in asked)
    assert [status for status, _ in answers] == [200, 200, 429]
    assert 9 < answers[2][1] < 15


def cookies_of(server, name):
    """Return the cookies of a signed-in user."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(client):
        client.request("GET", "/admin/login/")
        page = client.getresponse()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())[1]
        cookies = {"Cookie": page.headers["Set-Cookie"].split(";")[0]}
        form = urlencode({"csrfmiddlewaretoken": token, "username": name, "password": "correct horse"})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        client.request("POST", "/admin/login/?next=/admin/", body=form, headers=cookies | kind)
        answer = client.getresponse()
        answer.read()
    assert answer.status == 302
    return {"Cookie": "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie"))}


def test_waiting_pages_of_a_session_do_not_delay_others(start_server, installation):
    for name in ("ada", "grace"):
        over = {"DJANGO_SUPERUSER_PASSWORD": "correct horse"}
        made = type(installation)(installation.database_url, installation.env | over).manage(
            "createsuperuser", "--noinput", "--username", name, "--email", f"{name}@example.com"
        )
        assert made.returncode == 0, made.stderr
    server = start_server(over=installation, WEB_CONCURRENCY="1", RALLY_THREADS="8")
    ada, grace = cookies_of(server, "ada"), cookies_of(server, "grace")
    with locked(server, "crm_contact") as connection:
        asked = [Background(server.get, "/admin/crm/contact/", **ada) for _ in range(20)]
        wait_for_waiting(connection, 1)
        wait_for_answers(asked, 10)
        assert_quick(server, "/admin/crm/contact/import/help/", **grace)
        assert_quick(server, "/admin/login/")
    answers = [each.outcome() for each in asked]
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 10
    assert {answer.headers["Content-Type"].split(";")[0] for answer in answers if answer.status == 429} == {"text/html"}


def test_health_checks_need_no_free_thread(small_server):
    tenants = [RealTenant(small_server) for _ in range(4)]
    with locked(small_server, "importexport_savedmapping") as connection:
        asked = [Background(small_server.get, SAVED, X_Api_Key=tenant.secret) for tenant in tenants * 2]
        wait_for_waiting(connection, 8)
        for path in ("/healthz", "/readyz", "/healthz?a=b"):
            assert_quick(small_server, path)
    assert [each.outcome().status for each in asked] == [200] * 8


def test_a_stop_waits_for_queued_requests(small_server):
    busy = RealTenant(small_server)
    with locked(small_server, "importexport_savedmapping") as connection:
        asked = [Background(small_server.get, SAVED, X_Api_Key=busy.secret) for _ in range(4)]
        wait_for_waiting(connection, 2)
        time.sleep(0.5)
        small_server.process.terminate()
    assert [each.outcome().status for each in asked] == [200] * 4
    assert small_server.process.wait(30) == 0
