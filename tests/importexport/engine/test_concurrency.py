"""Imports concurrent with other imports and with manual edits, on a real server."""

import json
import random

import psycopg
import pytest

from tests.support.real import add_company, add_contact, contacts, wait_until_blocked
from tests.support.waiting import Background, at_once, wait_until


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
def test_a_contact_added_manually_during_an_import_is_never_duplicated(real_tenant, ending):
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


def test_an_import_that_loses_a_deadlock_is_retried(real_tenant):
    """Another transaction locks a late row of the file, then one that the import has locked."""
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        # After this time, a waiting session checks for a deadlock. The import checks first, and loses.
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


# --- concurrent creation of the record that a row names -----------------------------------------------------

NEW = "missing=create"


def companies_of(tenant, table):
    """Return a tenant's companies, and how many records of a table refer to each."""
    with tenant.server.connect() as connection:
        there = connection.execute("SELECT name FROM crm_company WHERE tenant_id = %s", [tenant.pk]).fetchall()
        used = connection.execute(
            f"SELECT c.name, count(*) FROM crm_{table} r LEFT JOIN crm_company c ON c.id = r.company_id"
            " WHERE r.tenant_id = %s GROUP BY 1",
            [tenant.pk],
        ).fetchall()
    return [name for (name,) in there], dict(used)


@pytest.mark.parametrize(("ending", "name", "made"), [("commit", "ACME", {}), ("rollback", "Acme", {"companies": 1})])
def test_a_company_added_manually_while_an_import_creates_it_exists_once(real_tenant, ending, name, made):
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_company(by_hand, real_tenant, "ACME")
        importing = Background(real_tenant.post, "contacts", contacts(range(3), company="Acme"), query=NEW)
        wait_until_blocked(real_tenant, by_hand)
        getattr(by_hand, ending)()
        status, result = importing.outcome()
    assert (status, result["imported"], result["errors"]) == (200, 3, [])
    assert companies_of(real_tenant, "contact") == ([name], {name: 3})
    _, (references,) = latest(real_tenant, "references")
    assert json.loads(references) == made


def latest(tenant, *names):
    """Return the id of a tenant's latest import, and its record."""
    fields = ", ".join(f'"{name}"' for name in ("id", *names))
    found = tenant.sql(
        f"SELECT {fields} FROM importexport_importrun WHERE tenant_id = %s ORDER BY created_at DESC LIMIT 1", tenant.pk
    )
    return found[0], found[1:]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_stage_added_manually_while_an_import_creates_it_exists_once(real_tenant, ending):
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        by_hand.execute(
            "INSERT INTO crm_stage (tenant_id, pipeline_id, name, name_key, probability, position)"
            " SELECT %s, id, 'LEGAL', 'legal', 40, 1 FROM crm_pipeline WHERE tenant_id = %s",
            [real_tenant.pk] * 2,
        )
        content = b"name,pipeline_name,stage_name\nBig,Sales,Legal\nSmall,Sales,legal\n"
        importing = Background(real_tenant.post, "deals", content, query=NEW)
        wait_until_blocked(real_tenant, by_hand)
        getattr(by_hand, ending)()
        assert importing.outcome() == (200, {"totalRows": 2, "imported": 2, "skipped": 0, "errors": []})
    # A blank probability is that of the stage. A created stage has the probability of the pipeline's first stage.
    name, probability = ("LEGAL", 40) if ending == "commit" else ("Legal", 10)
    with real_tenant.server.connect() as connection:
        found = connection.execute(
            "SELECT s.name, s.position, d.name, d.probability FROM crm_stage s JOIN crm_deal d ON d.stage_id = s.id"
            " WHERE s.tenant_id = %s ORDER BY d.name",
            [real_tenant.pk],
        ).fetchall()
    assert found == [(name, 1, "Big", probability), (name, 1, "Small", probability)]
    assert real_tenant.count("stage") == 2


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_company_created_by_two_concurrent_imports_exists_once(real_tenant, ending):
    """The second import reaches the company while the first, which created it, is unfinished and may still fail."""
    deals = b"name,company_name\nBig,ACME\nSmall,acme\n"
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_contact(by_hand, real_tenant, "c2@example.com")
        first = Background(real_tenant.post, "contacts", contacts(range(3), company="Acme"), query=NEW)
        backend = wait_until_blocked(real_tenant, by_hand)
        second = Background(real_tenant.post, "deals", deals, query=NEW)
        waiting = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        wait_until(lambda: real_tenant.sql(waiting, backend), "the second import waits for the first")
        if ending == "rollback":
            real_tenant.sql("SELECT pg_terminate_backend(%s)", backend)
            assert first.outcome()[0] == 503
        by_hand.rollback()
        if ending == "commit":
            assert first.outcome()[1]["imported"] == 3
        assert second.outcome() == (200, {"totalRows": 2, "imported": 2, "skipped": 0, "errors": []})
    name = "Acme" if ending == "commit" else "ACME"
    assert companies_of(real_tenant, "deal") == ([name], {name: 2})
    assert companies_of(real_tenant, "contact") == ([name], {"Acme": 3} if ending == "commit" else {})


# --- manual edits of a record during an upsert --------------------------------------------------------------

UPSERT = "mode=upsert"


def contact_of(tenant, email):
    return tenant.sql(
        "SELECT first_name, phone, city FROM crm_contact WHERE tenant_id = %s AND email = %s", tenant.pk, email
    )


def changes_of(tenant):
    """Return the recorded changes of the latest import, for the columns that tests change."""
    run, _ = latest(tenant)
    with tenant.server.connect() as connection:
        found = connection.execute("SELECT changes FROM importexport_rowchange WHERE run_id = %s", [run]).fetchall()
    return [{name: change[name] for name in change if name in {"phone", "city", "name"}} for (change,) in found]


def test_an_upsert_keeps_a_manual_edit_in_progress(real_tenant):
    real_tenant.post("contacts", contacts(range(2)))
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        by_hand.execute("UPDATE crm_contact SET phone = '1', city = 'Rome' WHERE tenant_id = %s", [real_tenant.pk])
        importing = Background(
            real_tenant.post, "contacts", b"email,phone\nc0@example.com,2\nc1@example.com,1\n", query=UPSERT
        )
        wait_until_blocked(real_tenant, by_hand)
        by_hand.commit()
        assert importing.outcome()[1]["imported"] == 2
    assert contact_of(real_tenant, "c0@example.com") == ("Ada", "2", "Rome")
    # The former value is that of the manual edit, and cells that the edit already set are not changes.
    assert changes_of(real_tenant) == [{"phone": ["1", "2"]}]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE crm_contact SET email = 'new@example.com', email_key = 'new@example.com' WHERE tenant_id = %s",
        "DELETE FROM crm_contact WHERE tenant_id = %s",
    ],
    ids=["gets another key", "goes"],
)
def test_a_record_that_no_longer_matches_once_locked_is_not_updated(real_tenant, statement):
    real_tenant.post("contacts", contacts([0]))
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        by_hand.execute(statement, [real_tenant.pk])
        content = b"first_name,last_name,email,phone\nGrace,Hopper,c0@example.com,2\n"
        importing = Background(real_tenant.post, "contacts", content, query=UPSERT)
        wait_until_blocked(real_tenant, by_hand)
        by_hand.commit()
        assert importing.outcome() == (200, {"totalRows": 1, "imported": 1, "skipped": 0, "errors": []})
    assert contact_of(real_tenant, "c0@example.com") == ("Grace", "2", "")
    there = contact_of(real_tenant, "new@example.com")
    assert there == (("Ada", "", "") if "UPDATE" in statement else None)


def test_a_manual_edit_during_an_upsert_waits_for_it_and_loses_nothing(real_tenant):
    real_tenant.post("contacts", contacts([0]))
    content = b"first_name,last_name,email,phone\nAda,Lovelace,c0@example.com,2\nAda,Lovelace,c1@example.com,2\n"
    change = (
        "UPDATE crm_contact SET city = 'Rome', phone = phone || '!' WHERE tenant_id = %s AND email = %s RETURNING id"
    )
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        # The second row has to wait for this after the first has been updated.
        add_contact(by_hand, real_tenant, "c1@example.com")
        importing = Background(real_tenant.post, "contacts", content, query=UPSERT)
        backend = wait_until_blocked(real_tenant, by_hand)
        changing = Background(real_tenant.sql, change, real_tenant.pk, "c0@example.com")
        waiting = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        wait_until(lambda: real_tenant.sql(waiting, backend), "the change by hand waits for the import")
        by_hand.rollback()
        assert importing.outcome()[1]["imported"] == 2
        changing.outcome()
    assert contact_of(real_tenant, "c0@example.com") == ("Ada", "2!", "Rome")
    assert contact_of(real_tenant, "c1@example.com") == ("Ada", "2", "")


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_name_taken_manually_during_an_upsert_belongs_to_one_record(real_tenant, ending):
    """The name is free when the upsert checks it, but taken when it writes, so it checks the batch again."""
    real_tenant.post("companies", b"name,domain\nAcme,acme.com\nUmbra,umbra.com\n")
    content = b"name,domain,city\nGlobex,acme.com,Rome\nUmbra Ltd,umbra.com,Oslo\n"
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_company(by_hand, real_tenant, "Globex")
        importing = Background(real_tenant.post, "companies", content, query=f"{UPSERT}&match_on=domain")
        wait_until_blocked(real_tenant, by_hand)
        getattr(by_hand, ending)()
        status, result = importing.outcome()
    is_taken = ending == "commit"
    assert (status, result["imported"]) == (200, 1 if is_taken else 2)
    assert result["errors"] == (["Row 2: Duplicate company with name 'Globex'"] if is_taken else [])
    with real_tenant.server.connect() as connection:
        found = connection.execute(
            "SELECT name, domain, city FROM crm_company WHERE tenant_id = %s ORDER BY name", [real_tenant.pk]
        ).fetchall()
    umbra = ("Umbra Ltd", "umbra.com", "Oslo")
    assert found == (
        [("Acme", "acme.com", ""), ("Globex", "", ""), umbra] if is_taken else [("Globex", "acme.com", "Rome"), umbra]
    )
    renamed = {"name": ["Umbra", "Umbra Ltd"], "city": ["", "Oslo"]}
    assert changes_of(real_tenant) == ([] if is_taken else [{"name": ["Acme", "Globex"], "city": ["", "Rome"]}]) + [
        renamed
    ]
