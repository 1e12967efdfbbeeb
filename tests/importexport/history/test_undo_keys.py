"""An undo leaves each record with the matching key of its value."""

import pytest
from django.db import connection

from crm.matching_keys import taken_keys
from crm.models import Company
from importexport.models import ImportRun, RowChange

pytestmark = pytest.mark.django_db(transaction=True)


def brought(api, content, query):
    """Import companies; return the import's id."""
    assert api.post_file("companies", content, query=query).status_code == 200
    return str(ImportRun.objects.first().pk)


def keys():
    return list(Company.objects.order_by("pk").values_list("name_key", "domain_key"))


def test_a_domain_that_was_spelled_differently_since_keeps_its_key(api, tenant):
    company = Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    run = brought(api, "name,domain,city\nAcme,globex.com,Berlin\n", "mode=update")
    company.refresh_from_db()
    company.domain = "https://globex.com"
    company.save()
    api.undo(run)
    company.refresh_from_db()
    assert (company.domain, company.domain_key, company.city) == ("https://globex.com", "globex.com", "")


def test_a_value_from_before_the_rules_changed_gets_its_new_key(api, tenant):
    Company.objects.create(tenant=tenant, name="Acme", domain="https://acme.com")
    run = brought(api, "name,domain\nAcme,globex.com\n", "mode=update")
    entry = RowChange.objects.get()
    entry.changes = entry.changes | {"domain_key": ["https://acme.com", "globex.com"]}
    entry.save()
    api.undo(run)
    assert keys() == [("acme", "acme.com")]


def test_a_record_that_comes_back_gets_its_new_key(api, tenant):
    run = brought(api, "name,domain\nAcme,https://acme.com\n", "")
    undo = api.undo(run)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE importexport_rowchange SET image = replace(image, ',acme.com,', ',https://acme.com,')")
        assert cursor.rowcount == 1
    api.undo(undo["id"])
    assert keys() == [("acme", "acme.com")]
    assert not list(taken_keys(Company))
