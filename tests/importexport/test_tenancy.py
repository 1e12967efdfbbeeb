"""The tenant is in every key that crosses rows: by PostgreSQL's catalogue, and by what PostgreSQL refuses."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from crm.models import Activity, Company, Contact, Deal, Pipeline, Stage, Tenant
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from importexport.models import ImportRun, KeptAnswer, PreparedExport, RunFix, Schedule, Webhook, WebhookDelivery

#: A tenant is found by these, so that it is not known yet: they are unique among all.
FINDS_A_TENANT = {("crm_apikey", "digest"), ("crm_membership", "user_id")}
#: The row log of a plan is written before others can see its run, so that nothing in the database holds its references.
ROW_LOG = {"importexport_skippedrow", "importexport_ledgerpage", "importexport_rowchange"}


def models_of_tenants():
    """Return all models of ours but the tenant itself."""
    ours = [model for app in ("crm", "importexport") for model in apps.get_app_config(app).get_models()]
    return [model for model in ours if model is not Tenant]


TABLES = {model._meta.db_table for model in models_of_tenants()}


def references():
    """Return the foreign keys between tables of tenants that the database holds."""
    return [
        field
        for model in models_of_tenants()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and field.related_model._meta.db_table in TABLES
        and model._meta.db_table not in ROW_LOG
    ]


def ask(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


#: A partition counts as its table.
COLUMNS = """
SELECT coalesce(inhparent::regclass::text, relname), attname, attnotnull
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
"""
UNIQUE = """
SELECT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT i.indisprimary
"""
FOREIGN = """
SELECT k.conrelid::regclass::text, k.confrelid::regclass::text, k.condeferrable AND k.condeferred, k.convalidated,
    (SELECT array_agg(a.attname::text ORDER BY place) FROM unnest(k.conkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.number),
    (SELECT array_agg(a.attname::text ORDER BY place) FROM unnest(k.confkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = n.number)
FROM pg_constraint AS k WHERE k.contype = 'f'
"""


def foreign_keys():
    """Return the foreign keys between tables of tenants: table, columns, target, its columns, deferred, validated."""
    return {
        (table, tuple(columns), target, tuple(keys), is_deferred, is_valid)
        for table, target, is_deferred, is_valid, columns, keys in ask(FOREIGN)
        if {table, target} <= TABLES
    }


def test_every_table_of_ours_has_a_tenant(db):
    tables = {table for table, _, _ in ask(COLUMNS) if table.startswith(("crm_", "importexport_"))}
    assert tables == {*TABLES, "crm_tenant"}
    assert {table for table, column, is_given in ask(COLUMNS) if column == "tenant_id" and is_given} == TABLES


def test_every_unique_index_begins_with_the_tenant(db):
    unique = [(table, column) for table, column in ask(UNIQUE) if table in TABLES]
    assert len(unique) > 20
    assert {first for first in unique if first[1] != "tenant_id"} == FINDS_A_TENANT


@pytest.mark.parametrize("field", references(), ids=str)
def test_a_reference_is_by_tenant_and_id(db, field):
    table, target = field.model._meta.db_table, field.related_model._meta.db_table
    assert (table, ("tenant_id", field.column), target, ("tenant_id", "id"), True, True) in foreign_keys()


def test_no_foreign_key_is_by_id_alone(db):
    with_tenant = {(table, columns[-1]) for table, columns, *_ in foreign_keys() if columns[0] == "tenant_id"}
    assert {(table, columns[-1]) for table, columns, *_ in foreign_keys()} == with_tenant


# --- what the database refuses ---


def fill(slug):
    """Return a tenant's records, one of each model that refers to another or is referred to."""
    tenant = create_tenant(slug=slug, name=slug)
    key, _ = create_api_key(tenant=tenant, name="ci")
    pipeline = Pipeline.objects.get(tenant=tenant)
    stage = Stage.objects.filter(tenant=tenant).first()
    company = Company.objects.create(tenant=tenant, name="Acme")
    contact = Contact.objects.create(tenant=tenant, first_name="Ada", company=company)
    deal = Deal.objects.create(
        tenant=tenant, name="Engine", currency="EUR", probability=10, stage=stage, pipeline=pipeline,
        contact=contact, company=company,
    )  # fmt: skip
    call = {"activity_type": "call", "subject": "Call"}
    activity = Activity.objects.create(tenant=tenant, contact=contact, company=company, deal=deal, **call)
    address = "https://files.example/a.csv"
    schedule = Schedule.objects.create(
        tenant=tenant, name="Nightly", kind="import", entity="contacts", address=address, cron="0 2 * * *", key=key
    )
    about = {"tenant": tenant, "entity": "contacts", "channel": "schedule", "status": "done", "key": key}
    about["schedule"] = schedule
    first = ImportRun.objects.create(**about)
    run = ImportRun.objects.create(**about, parent=first)
    answer = KeptAnswer.objects.create(tenant=tenant, key=key, run=run, name="once", digest="", status=200)
    export = PreparedExport.objects.create(
        tenant=tenant, entity="contacts", file_format="csv", key=key, schedule=schedule
    )
    webhook = Webhook.objects.create(tenant=tenant, url="https://hooks.example", events=["import.failed"])
    delivery = WebhookDelivery.objects.create(tenant=tenant, webhook=webhook, run=run, event="ping", body="{}")
    fix = RunFix.objects.create(tenant=tenant, run=run, kind="skip", key="one", number=2, actor="clerk")
    records = [key, pipeline, stage, company, contact, deal, activity, run, answer, webhook, delivery, export, schedule]
    records.append(fix)
    return {type(record): record for record in records}


@pytest.mark.parametrize("field", references(), ids=str)
def test_the_database_refuses_a_reference_into_another_tenant(db, field):
    ours, theirs = fill("acme"), fill("umbrella")
    change = {field.attname: theirs[field.related_model].pk}
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        type(ours[field.model]).objects.filter(pk=ours[field.model].pk).update(**change)
        connection.check_constraints()
    name = f"{field.model._meta.model_name}_{field.name}_is_of_its_tenant"
    assert refused.value.__cause__.diag.constraint_name == name


def test_a_record_that_is_referred_to_cannot_move_to_another_tenant(db):
    ours, theirs = fill("acme"), fill("umbrella")
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.filter(pk=ours[Company].pk).update(tenant=theirs[Company].tenant, name_key="acme ltd")
        connection.check_constraints()


def test_a_tenant_is_deleted_with_all_that_is_its_own(db):
    records, others = fill("acme"), fill("umbrella")
    records[Company].tenant.delete()
    connection.check_constraints()
    assert all(model.objects.filter(pk=other.pk).exists() for model, other in others.items())
    assert not any(model.objects.exclude(tenant=others[Company].tenant).exists() for model in records)
