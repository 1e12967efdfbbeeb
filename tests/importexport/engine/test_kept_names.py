"""Companies and deals whose names are taken, and that are stored all the same because external ids tell them apart."""

import pytest

from crm.models import Company, Contact, Deal
from importexport.models import ImportRun

KEEP = "duplicates=keep"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


def companies(*rows):
    return "name,domain,external_id\n" + "".join(f"{row}\n" for row in rows)


TWO = companies("Acme,acme.com,1", "ACME,acme.com,2")


@pytest.mark.parametrize("mode", ["create", "upsert"])
@pytest.mark.parametrize("between", [0, 3500])
def test_rows_of_one_name_and_two_ids_are_two_records(api, mode, between):
    filler = [f"Other {n},," for n in range(between)]
    content = companies("Acme,acme.com,1", *filler, "ACME,acme.com,2", "Acme,,3")
    assert api.import_csv("companies", content, f"{KEEP}&mode={mode}") == result(3 + between)
    assert list(Company.objects.filter(name_key="acme").order_by("id").values_list("external_id", "name_slot")) == [
        ("1", ""), ("2", " 2"), ("3", " 3"),
    ]  # fmt: skip


def test_two_deals_of_one_name_are_two(api):
    content = "name,external_source,external_id\nRenewal,hubspot,1\nRenewal,hubspot,2\nRenewal,pipedrive,1\n"
    assert api.import_csv("deals", content, KEEP) == result(3)
    assert api.import_csv("deals", content, KEEP) == result(
        0, *(f"Row {n}: Duplicate deal with external_id '{i}'" for n, i in [(2, 1), (3, 2), (4, 1)])
    )


def test_a_name_that_is_stored_is_kept_as_well(api, tenant):
    Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    assert api.import_csv("companies", TWO, KEEP) == result(2)
    assert Company.objects.count() == 3


def test_a_row_without_an_id_is_a_duplicate(api):
    content = companies("Acme,,", "Acme,,", "Acme,,1", "Acme,,")
    assert api.import_csv("companies", content, KEEP) == result(
        2, "Row 3: Duplicate company with name 'Acme'", "Row 5: Duplicate company with name 'Acme'"
    )


def test_a_file_without_ids_has_duplicates(api):
    assert api.import_csv("companies", "name\nAcme\nAcme\n", KEEP) == result(
        1, "Row 3: Duplicate company with name 'Acme'"
    )


def test_an_address_stays_unique(api):
    content = "first_name,last_name,email,external_id\nA,B,a@x.com,1\nA,B,A@x.com,2\n"
    assert api.import_csv("contacts", content, KEEP) == result(1, "Row 3: Duplicate contact with email 'A@x.com'")


def test_without_the_option_the_name_is_a_duplicate(api):
    assert api.import_csv("companies", TWO) == result(1, "Row 3: Duplicate company with name 'ACME'")


# --- what others see of them --------------------------------------------------------------------------------------


@pytest.fixture
def twins(api):
    """Two companies called Acme, the second of which was kept beside the first."""
    api.import_csv("companies", TWO, KEEP)
    return Company.objects.order_by("id")


def test_the_name_is_ambiguous_as_a_reference(api, twins):
    content = "first_name,last_name,email,company_name\nA,B,a@x.com,acme\n"
    error = "Row 2: Company 'acme' matches more than one record"
    assert api.import_csv("contacts", content) == result(0, error)
    assert api.import_csv("contacts", content, "missing=create") == result(0, error)
    assert not Contact.objects.exists()


@pytest.mark.parametrize("gone", [0, 1])
def test_the_name_and_the_domain_are_taken_whichever_is_left(api, twins, gone):
    twins[gone].delete()
    assert api.import_csv("companies", "name,domain\nAcme,\nOther,www.acme.com\nNew,new.com\n") == result(
        1, "Row 2: Duplicate company with name 'Acme'", "Row 3: Duplicate company with domain 'www.acme.com'"
    )


@pytest.mark.parametrize("gone", [0, 1])
def test_a_deals_name_is_taken_in_its_pipeline_whichever_is_left(api, gone):
    api.import_csv("deals", "name,external_id\nRenewal,1\nRenewal,2\n", KEEP)
    Deal.objects.order_by("id")[gone].delete()
    api.import_csv("deals", "name,pipeline_name\nOther,Partners\n", "missing=create")
    assert api.import_csv("deals", "name,pipeline_name\nRenewal,\nrenewal,Partners\n") == result(
        1, "Row 2: Duplicate deal with name 'Renewal'"
    )


@pytest.mark.parametrize("mode", ["update", "upsert"])
@pytest.mark.parametrize("key", ["name", "domain"])
def test_the_name_is_ambiguous_as_a_match_key(api, twins, mode, key):
    content = "name,domain,city\nAcme,acme.com,Rome\n"
    value = "Acme" if key == "name" else "acme.com"
    assert api.import_csv("companies", content, f"mode={mode}&match_on={key}") == result(
        0, f"Row 2: Company '{value}' matches more than one record"
    )


def test_the_one_that_is_left_is_updated(api, twins):
    twins[0].delete()
    assert api.import_csv("companies", "name,city\nAcme,Rome\nNew,Paris\n", "mode=upsert") == result(2)
    assert list(Company.objects.order_by("id").values_list("name", "city")) == [("ACME", "Rome"), ("New", "Paris")]


def test_another_name_cannot_become_one_that_is_shared(api, twins):
    twins[0].delete()
    api.import_csv("companies", "name,domain\nOther,other.com\n")
    content = "name,domain\nOther,acme.com\n"
    assert api.import_csv("companies", content, "mode=update") == result(
        0, "Row 2: Duplicate company with domain 'acme.com'"
    )


def test_another_tenants_names_stay_its_own(api, tenant, twins):
    twins.update(tenant=tenant.pk + 1)
    assert api.import_csv("companies", "name\nAcme\n") == result(1)


def test_they_are_planned_and_undone(transactional_db, api):
    run = api.plan("companies", TWO, KEEP)
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    undo = api.undo(run["id"])
    assert not Company.objects.exists()
    api.undo(undo["id"])
    assert list(Company.objects.order_by("id").values_list("name_slot", flat=True)) == ["", " 2"]
    assert ImportRun.objects.get(pk=run["id"]).options == {"mode": "create", "missing": "reject", "duplicates": "keep"}
