"""Stored keys are recomputed where folding has changed; nobody's record is lost, and who keeps an old key is listed."""

import io
import json

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F

from crm import matching_keys
from crm.addresses import fold_domain
from crm.matching import fold
from crm.matching_keys import outdated, recompute, taken_keys, tell_outdated
from crm.models import Activity, Company, Contact, Deal, Pipeline, Stage
from crm.models.fields import folded_fields

BEFORE = [("crm", "0003_activity_links")]


def stored(record, **values):
    """Store values of a record, and keys as an earlier version made them."""
    type(record)._base_manager.filter(pk=record.pk).update(**values)
    return record


def company(tenant, name, domain="", **old):
    """Return a company, which has the keys of today unless old ones are given."""
    keys = {"name_key": fold(name), "domain_key": fold_domain(domain)} | old
    new = Company.objects.create(tenant=tenant, name=f"{Company.objects.count()}")
    return stored(new, name=name, domain=domain, **keys)


def keys(model, name="name_key"):
    return list(model.objects.order_by("pk").values_list(name, flat=True))


def listed(model):
    return [(found.id, found.field, found.value, found.taken_by) for found in taken_keys(model)]


# --- recompute -------------------------------------------------------------------------------------------------


def test_old_keys_become_new_ones(tenant):
    company(tenant, "Ac\u00adme", "https://www.acme.com", name_key="ac\u00adme", domain_key="https://www.acme.com")
    company(tenant, "Globex", "globex.com")
    assert recompute(Company) == 0
    assert keys(Company) == ["acme", "globex"]
    assert keys(Company, "domain_key") == ["acme.com", "globex.com"]


def test_a_record_keeps_its_old_key_where_another_has_the_new_one(tenant):
    old = company(tenant, "Acme\u00ad Inc", name_key="acme\u00ad inc")
    new = company(tenant, "Acme Inc")
    assert recompute(Company) == 1
    assert keys(Company) == ["acme\u00ad inc", "acme inc"]
    assert listed(Company) == [(old.pk, "name", "Acme\u00ad Inc", new.pk)]


def test_of_two_that_become_the_same_the_first_gets_the_key(tenant):
    first = company(tenant, "A\u00adcme", name_key="a\u00adcme")
    second = company(tenant, "Ac\u00adme", name_key="ac\u00adme")
    assert recompute(Company) == 1
    assert keys(Company) == ["acme", "ac\u00adme"]
    assert listed(Company) == [(second.pk, "name", "Ac\u00adme", first.pk)]


def test_a_key_that_is_taken_keeps_no_other_from_its_own(tenant):
    company(tenant, "Acme", "acme.com")
    company(tenant, "Glo\u00adbex", "https://acme.com", name_key="glo\u00adbex", domain_key="https://acme.com")
    assert recompute(Company) == 1
    assert (keys(Company)[1], keys(Company, "domain_key")[1]) == ("globex", "https://acme.com")


def test_another_tenants_record_takes_nothing(tenant, other_tenant):
    company(tenant, "Ac\u00adme", name_key="ac\u00adme")
    company(other_tenant, "Acme")
    assert recompute(Company) == 0


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_batches_of_any_size_do_the_same(tenant, monkeypatch, at_once):
    monkeypatch.setattr(matching_keys, "RECORDS_AT_ONCE", at_once)
    for n in range(7):
        company(tenant, f"Ac\u00adme {n // 2}", name_key=f"ac\u00adme {n}")
    assert recompute(Company) == 3
    assert keys(Company) == ["acme 0", "ac\u00adme 1", "acme 1", "ac\u00adme 3", "acme 2", "ac\u00adme 5", "acme 3"]
    assert recompute(Company) == 3


def test_only_what_changes_is_written(tenant, django_assert_num_queries):
    company(tenant, "Acme")
    with django_assert_num_queries(2 * 2):  # Per key, the records and the end of them.
        recompute(Company)


def test_a_deal_is_compared_within_its_pipeline(tenant):
    sales = tenant.pipelines.get()
    other = Pipeline.objects.create(tenant=tenant, name="Other")
    stage = Stage.objects.create(tenant=tenant, pipeline=other, name="Start")
    values = {"tenant": tenant, "currency": "USD", "probability": 1}
    here = Deal.objects.create(name="Big", stage=sales.stages.first(), pipeline=sales, **values)
    there = Deal.objects.create(name="B\u00adig", stage=stage, pipeline=other, **values)
    same = Deal.objects.create(name="X", stage=sales.stages.first(), pipeline=sales, **values)
    stored(same, name="Bi\u00adg", name_key="bi\u00adg")
    stored(there, name_key="b\u00adig")
    assert recompute(Deal) == 1
    assert keys(Deal) == ["big", "big", "bi\u00adg"]
    assert listed(Deal) == [(same.pk, "name", "Bi\u00adg", here.pk)]


def test_an_activity_is_compared_with_all_that_makes_it_the_same(tenant):
    values = {"tenant": tenant, "activity_type": "call"}
    first = Activity.objects.create(subject="Call", **values)
    same = stored(Activity.objects.create(subject="X", **values), subject="C\u00adall", subject_key="c\u00adall")
    Activity.objects.create(subject="C\u00adall", due_date="2025-06-15", **values)
    assert recompute(Activity) == 1
    assert listed(Activity) == [(same.pk, "subject", "C\u00adall", first.pk)]


# --- the migration ---------------------------------------------------------------------------------------------


def migrate(targets):
    """Migrate to a state, and return its models and what was told."""
    told = io.StringIO()
    for app, name in targets:
        call_command("migrate", app, name, interactive=False, stdout=told)
    return MigrationExecutor(connection).loader.project_state(targets).apps, told.getvalue()


@pytest.fixture
def before(database_of):
    """The models as they were."""
    return database_of(*BEFORE)


def test_a_migration_keeps_every_record_and_tells_whose_key_is_old(before):
    tenant = before.get_model("crm", "Tenant").objects.create(slug="acme", name="Acme")
    make = before.get_model("crm", "Contact").objects.create
    values = {"tenant_id": tenant.pk, "first_name": "A", "last_name": "B", "lifecycle_stage": "lead"}
    addresses = ["info@köln.example", "info@xn--kln-sna.example", "a@x.example\u200b", "ada@xn--kln-sna.example"]
    for address in addresses:
        make(email=address, **values)
    # The keys that the version before gave them, all being in lower case.
    before.get_model("crm", "Contact").objects.update(email_key=F("email"))
    pipeline = before.get_model("crm", "Pipeline").objects.create(tenant=tenant, name="Sales", name_key="sales")
    stage = {"pipeline": pipeline, "tenant": tenant, "probability": 10, "position": 1}
    before.get_model("crm", "Stage").objects.create(name="Le\u00adad", name_key="le\u00adad", **stage)
    _, told = migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("crm"))
    assert list(Contact.objects.order_by("pk").values_list("email", "email_key")) == [
        ("info@köln.example", "info@köln.example"),
        ("info@xn--kln-sna.example", "info@xn--kln-sna.example"),
        ("a@x.example\u200b", "a@x.example"),
        ("ada@xn--kln-sna.example", "ada@köln.example"),
    ]
    assert Stage.objects.get(name="Le\u00adad").name_key == "lead"
    assert (
        "  1 record keeps its old matching key, because another record has the new one: see manage.py check_keys."
        in told
    )


def test_a_migration_that_leaves_no_old_key_tells_nothing(tenant):
    company(tenant, "Acme")
    migration = MigrationExecutor(connection).loader.get_migration("crm", "0004_matching_keys")
    tell_outdated(apps=apps, plan=[(migration, False)], verbosity=1, stdout=(told := io.StringIO()))
    assert told.getvalue() == ""


def test_every_key_is_recomputed():
    folded = {model.__name__ for model in apps.get_app_config("crm").get_models() if folded_fields(model)}
    assert folded == {"Contact", "Company", "Deal", "Activity", "Pipeline", "Stage"}


# --- check_keys ------------------------------------------------------------------------------------------------


def check_keys(*options):
    """Run the command; return its exit status and what it printed."""
    out = io.StringIO()
    try:
        call_command("check_keys", *options, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def pair(tenant):
    """Two companies of one name, of which the second has an old key."""
    return company(tenant, "Acme"), company(tenant, "Ac\u00adme", name_key="ac\u00adme")


def test_where_all_is_well_the_command_says_so(tenant):
    assert check_keys() == (0, "All matching keys are up to date.\n")
    assert check_keys("--json") == (0, "[]\n")


def test_the_command_lists_who_keeps_an_old_key(pair):
    first, second = pair
    status, text = check_keys()
    assert (status, [line.split() for line in text.splitlines()]) == (
        1,
        [
            ["TENANT", "ENTITY", "ID", "FIELD", "VALUE", "SAME", "AS"],
            ["acme", "companies", str(second.pk), "name", "Ac\\xadme", str(first.pk)],
        ],
    )


def test_the_command_lists_them_as_json(pair):
    first, second = pair
    status, text = check_keys("--json")
    assert text.isascii()
    assert (status, json.loads(text)) == (
        1,
        [
            {
                "tenant": "acme",
                "entity": "companies",
                "id": second.pk,
                "field": "name",
                "value": "Ac\u00adme",
                "taken_by": first.pk,
            }
        ],
    )


def test_a_key_that_is_free_by_now_is_repaired(pair):
    first, _ = pair
    assert check_keys("--repair")[0] == 1
    first.delete()
    assert "-" in check_keys()[1].split()
    assert check_keys("--repair") == (0, "All matching keys are up to date.\n")
    assert keys(Company) == ["acme"]


def test_no_record_is_outdated_that_was_just_saved(tenant):
    company(tenant, "Ac\u00adme", "HTTPS://ACME.COM/")
    assert not any(batch for field in folded_fields(Company) for batch in outdated(Company, field))
