"""Imports at the same moment as others, and as changes by hand: real server, real connections."""

import random

import psycopg
import pytest

from tests.support.real import add_contact, contacts, wait_until_blocked
from tests.support.waiting import Background, at_once


def test_eight_imports_of_one_file_store_one_copy(real_tenant):
    content = contacts(range(5000))
    answers = at_once(*[(real_tenant.post, "contacts", content)] * 8)
    assert [status for status, _ in answers] == [200] * 8
    assert sum(result["imported"] for _, result in answers) == real_tenant.count("contact") == 5000
    assert sum(result["skipped"] for _, result in answers) == 7 * 5000
    rejected = next(result for _, result in answers if result["skipped"])
    assert rejected["errors"][0] == "Row 2: Duplicate contact with email 'c0@example.com'"


def test_shuffled_companies_with_two_keys_are_stored_once(real_tenant):
    rows = [f"Company {n},d{n}.example\n" for n in range(1500)]
    files = []
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        files.append(("name,domain\n" + "".join(rows)).encode())
    answers = at_once(*[(real_tenant.post, "companies", content) for content in files])
    assert sum(result["imported"] for _, result in answers) == real_tenant.count("company") == 1500


def test_two_entities_in_opposite_orders_never_deadlock(real_tenant):
    companies = ("name\n" + "".join(f"Company {n}\n" for n in range(500))).encode()
    assert real_tenant.post("companies", companies)[0] == 200

    def one_way(turn):
        more = "name\n" + "".join(f"More {turn} {n}\n" for n in range(500))
        deals = "name,company_name,contact_email\n" + "".join(
            f"Deal {turn} {n},Company {n % 500},c{n}@example.com\n" for n in range(500)
        )
        return [real_tenant.post("companies", more.encode())[0], real_tenant.post("deals", deals.encode())[0]]

    def other_way(turn):
        deals = "name,company_name\n" + "".join(f"Other {turn} {n},Company {499 - n}\n" for n in range(500))
        people = contacts(range(turn * 500, turn * 500 + 500), company="Company 7")
        return [real_tenant.post("deals", deals.encode())[0], real_tenant.post("contacts", people)[0]]

    for turn in range(3):
        assert at_once((one_way, turn), (other_way, turn)) == [[200, 200], [200, 200]]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_contact_added_by_hand_during_an_import_is_never_doubled(real_tenant, ending):
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_contact(by_hand, real_tenant, "c3000@example.com")
        importing = Background(real_tenant.post, "contacts", contacts(range(5000)))
        wait_until_blocked(real_tenant, by_hand)
        getattr(by_hand, ending)()
        status, result = importing.outcome()
    assert status == 200
    assert real_tenant.count("contact") == 5000
    duplicates = ["Row 3002: Duplicate contact with email 'c3000@example.com'"]
    assert result["errors"] == (duplicates if ending == "commit" else [])


def test_an_import_that_loses_a_deadlock_is_tried_again(real_tenant):
    """Somebody's transaction takes a late row of the file, then one that the import has taken."""
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        # Whoever waits longer than this looks for a deadlock; the import is first to look, and loses.
        by_hand.execute("SET deadlock_timeout = '60s'")
        add_contact(by_hand, real_tenant, "c4999@example.com")
        importing = Background(real_tenant.post, "contacts", contacts(range(5000)))
        wait_until_blocked(real_tenant, by_hand)
        add_contact(by_hand, real_tenant, "c0@example.com")
        by_hand.commit()
        status, result = importing.outcome()
    assert status == 200
    assert result["errors"] == [
        "Row 2: Duplicate contact with email 'c0@example.com'",
        "Row 5001: Duplicate contact with email 'c4999@example.com'",
    ]
    assert real_tenant.count("contact") == 5000


def test_a_company_cannot_be_deleted_under_an_import_that_refers_to_it(real_tenant):
    real_tenant.post("companies", b"name\nAcme\n")
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_contact(by_hand, real_tenant, "c4000@example.com")
        importing = Background(real_tenant.post, "contacts", contacts(range(5000), company="acme"))
        wait_until_blocked(real_tenant, by_hand)
        with real_tenant.server.connect() as deleter:
            deleter.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                deleter.execute("DELETE FROM crm_company WHERE tenant_id = %s", [real_tenant.pk])
        by_hand.rollback()
        _, result = importing.outcome()
    assert result["imported"] == 5000


def test_a_key_revoked_during_an_import_ends_with_it(real_tenant):
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_contact(by_hand, real_tenant, "c0@example.com")
        importing = Background(real_tenant.post, "contacts", contacts(range(10)))
        wait_until_blocked(real_tenant, by_hand)
        real_tenant.sql("UPDATE crm_apikey SET revoked_at = now() WHERE tenant_id = %s RETURNING id", real_tenant.pk)
        by_hand.rollback()
        assert importing.outcome()[0] == 200
    assert real_tenant.post("contacts", contacts(range(10)))[0] == 401
