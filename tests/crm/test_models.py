"""What the database itself holds to, whoever writes."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import RestrictedError
from django.forms import modelform_factory

from crm.models import Activity, ApiKey, Company, Contact, Deal, Membership, Pipeline, Stage, Tenant
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant


def make_contact(tenant, email="ada@example.com", **values):
    return Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email=email, **values)


def make_deal(tenant, name="Big one", **values):
    pipeline = values.pop("pipeline", None) or tenant.pipelines.get(is_default=True)
    values = {"currency": "USD", "probability": 10, "stage": pipeline.stages.first()} | values
    return Deal.objects.create(tenant=tenant, name=name, pipeline=pipeline, **values)


def make_activity(tenant, **values):
    return Activity.objects.create(tenant=tenant, **{"activity_type": "call", "subject": "Call"} | values)


def make_key(tenant, name="ci"):
    return create_api_key(tenant=tenant, name=name)[0]


def refuses(record, **values):
    """Set columns of a record by SQL alone; return the name of the constraint that does not let them be."""
    table = record._meta.db_table
    with pytest.raises((IntegrityError, DataError)) as caught, transaction.atomic(), connection.cursor() as cursor:
        names = ", ".join(f"{name} = %s" for name in values)
        cursor.execute(f"UPDATE {table} SET {names} WHERE id = %s", [*values.values(), record.pk])
    return caught.value.__cause__.diag.constraint_name


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "values", "constraint"),
    [
        (make_contact, {"lifecycle_stage": "prospect"}, "contact_lifecycle_stage_is_known"),
        (make_deal, {"name": ""}, "deal_name_is_given"),
        (make_deal, {"value": -1}, "deal_value_is_not_negative"),
        (make_deal, {"probability": 101}, "deal_probability_is_per_cent"),
        (make_deal, {"probability": -1}, "crm_deal_probability_check"),
        (make_deal, {"currency": "usd"}, "deal_currency_is_a_code"),
        (make_activity, {"subject": ""}, "activity_subject_is_given"),
        (make_activity, {"activity_type": "fax"}, "activity_type_is_known"),
        (make_activity, {"status": "done"}, "activity_status_is_known"),
        (make_activity, {"priority": "huge"}, "activity_priority_is_known"),
        (make_key, {"scope": "root"}, "api_key_scope_is_known"),
    ],
)
def test_the_database_rejects_an_invalid_value(tenant, make, values, constraint):
    assert refuses(make(tenant), **values) == constraint


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"name": ""}, "company_name_is_given"),
        ({"annual_revenue": -1}, "company_annual_revenue_is_not_negative"),
        ({"employee_count": -1}, "crm_company_employee_count_check"),
        # Not a constraint but the column's type: a value that is too long or too large is never cut to fit.
        ({"name": "x" * 201}, None),
        ({"notes": "x" * 10_001}, None),
        ({"tags": ["x" * 51]}, None),
        ({"annual_revenue": 10**16}, None),
    ],
)
def test_the_database_rejects_an_invalid_company(tenant, values, constraint):
    assert refuses(Company.objects.create(tenant=tenant, name="Acme"), **values) == constraint


def test_names_addresses_and_domains_are_unique_by_their_keys(tenant):
    Company.objects.create(tenant=tenant, name="Straße", domain="acme.com")
    company = Company.objects.create(tenant=tenant, name="Globex", domain="globex.com")
    assert refuses(company, name_key="strasse") == "company_name_is_unique_in_slot"
    assert refuses(company, domain_key="acme.com") == "company_domain_is_unique_in_slot"
    make_contact(tenant)
    assert (
        refuses(make_contact(tenant, email="b@example.com"), email_key="ada@example.com") == "contact_email_is_unique"
    )
    make_deal(tenant)
    assert refuses(make_deal(tenant, name="Other"), name_key="big one") == "deal_name_is_unique_in_pipeline_and_slot"


def test_companies_without_a_domain_do_not_collide(tenant):
    for name in ("Acme", "Globex"):
        Company.objects.create(tenant=tenant, name=name, domain="")
    assert Company.objects.count() == 2


def test_a_tenant_has_one_default_pipeline(tenant):
    second = Pipeline.objects.create(tenant=tenant, name="Partners")
    assert refuses(second, is_default=True) == "pipeline_default_is_single"
    assert refuses(second, name_key="sales pipeline") == "pipeline_name_is_unique"


def test_a_pipelines_stages_have_names_of_their_own_and_per_cents(tenant):
    lead, qualified, *_ = tenant.pipelines.get().stages.all()
    assert refuses(qualified, name_key=lead.name_key) == "stage_name_is_unique_in_pipeline"
    assert refuses(lead, probability=101) == "stage_probability_is_per_cent"


def test_a_deals_name_is_free_in_another_pipeline(tenant):
    partners = Pipeline.objects.create(tenant=tenant, name="Partners")
    stage = Stage.objects.create(tenant=tenant, pipeline=partners, name="Lead")
    make_deal(tenant)
    make_deal(tenant, pipeline=partners, stage=stage)
    assert Deal.objects.count() == 2


def test_activities_that_differ_in_nothing_but_what_is_blank_collide(tenant):
    make_activity(tenant)
    with pytest.raises(IntegrityError, match="activity_is_unique"), transaction.atomic():
        make_activity(tenant, subject=" CALL ")
    for values in ({"activity_type": "note"}, {"due_date": "2025-06-15"}, {"scheduled_at": "2025-06-15T10:00Z"},
                   {"contact": make_contact(tenant)}, {"company": Company.objects.create(tenant=tenant, name="A")},
                   {"deal": make_deal(tenant)}, {"body": "One"}, {"body": "one"},
                   {"completed_at": "2025-06-15T10:00Z"}, {"body": "x" * 10_000}):  # fmt: skip
        make_activity(tenant, **values)
        with pytest.raises(IntegrityError, match="activity_is_unique"), transaction.atomic():
            make_activity(tenant, **values)
    assert Activity.objects.count() == 11


def test_the_digest_of_a_body_follows_every_way_of_writing(tenant):
    make_activity(tenant, body="One")
    activity = make_activity(tenant)
    activity.body = "One"
    with pytest.raises(ValidationError, match=r"same .*subject.*body"):
        activity.full_clean()
    with pytest.raises(IntegrityError, match="activity_is_unique"), transaction.atomic():
        activity.save()
    with pytest.raises(IntegrityError, match="activity_is_unique"), transaction.atomic():
        Activity.objects.update(body="Two")
    with pytest.raises(IntegrityError, match="activity_is_unique"), transaction.atomic():
        Activity.objects.bulk_update([activity], ["body"])
    activity.refresh_from_db()
    activity.body = "Two"
    activity.full_clean()
    activity.save()
    assert refuses(activity, body="One") == "activity_is_unique"


def test_a_key_in_use_has_a_name_of_its_own(tenant):
    make_key(tenant)
    assert refuses(make_key(tenant, name="cd"), name="ci") == "api_key_name_is_unique_while_in_use"


def test_a_role_is_one_that_is_known(tenant, django_user_model):
    member = Membership.objects.create(tenant=tenant, user=django_user_model.objects.create(username="ada"))
    assert refuses(member, role="owner") == "membership_role_is_known"


def test_validation_names_a_duplicate_before_the_database_does(tenant):
    Company.objects.create(tenant=tenant, name="Acme")
    with pytest.raises(ValidationError):
        Company(tenant=tenant, name="  ACME ").full_clean()


# --- keys stay in step -----------------------------------------------------------------------------------------


def test_update_keeps_the_keys(tenant):
    Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    Company.objects.update(name="Straße", domain="STRASSE.de")
    assert Company.objects.values_list("name_key", "domain_key").get() == ("strasse", "strasse.de")
    Stage.objects.filter(name="Lead").update(name="First  Call")
    assert Stage.objects.filter(name_key="first call").count() == 1


def test_a_partial_save_keeps_the_keys(tenant):
    pipeline = tenant.pipelines.get()
    for record in (
        Company.objects.create(tenant=tenant, name="Acme"),
        make_deal(tenant),
        pipeline,
        pipeline.stages.first(),
    ):
        record.name = "Straße"
        record.save(update_fields=["name"])
        record.refresh_from_db()
        assert (type(record), record.name_key) == (type(record), "strasse")


def test_a_partial_save_of_something_else_writes_no_key(tenant):
    company = Company.objects.create(tenant=tenant, name="Acme")
    company.name, company.city = "Globex", "Berlin"
    company.save(update_fields=["city"])
    assert Company.objects.values_list("name", "name_key", "city").get() == ("Acme", "acme", "Berlin")


def test_bulk_writes_keep_the_keys(tenant):
    Company.objects.bulk_create([Company(tenant=tenant, name="Acme"), Company(tenant=tenant, name="Globex")])
    assert list(Company.objects.values_list("name_key", flat=True)) == ["acme", "globex"]
    companies = list(Company.objects.all())
    for company in companies:
        company.name += " Straße"
    Company.objects.bulk_update(companies, ["name"])
    assert list(Company.objects.values_list("name_key", flat=True)) == ["acme strasse", "globex strasse"]


def test_tags_are_stored_without_repeats_whatever_their_case(tenant):
    contact = make_contact(tenant, tags=["VIP", "vip", "x", "Vip"])
    assert contact.tags == ["VIP", "x"]
    contact.tags = ["Straße", "STRASSE"]
    contact.save()
    assert (contact.tags, Contact.objects.get().tags) == (["Straße"], ["Straße"])
    Contact.objects.update(tags=["a", "A"])
    assert Contact.objects.get().tags == ["a"]
    contact.tags = ["b", "B"]
    Contact.objects.bulk_update([contact], ["tags"])
    assert Contact.objects.get().tags == ["b"]
    Company.objects.bulk_create([Company(tenant=tenant, name="Acme", tags=["c", "C"])])
    assert Company.objects.get().tags == ["c"]


def test_a_change_moves_updated_at(tenant):
    company = Company.objects.create(tenant=tenant, name="Acme")
    Company.objects.update(updated_at="2020-01-01T00:00Z")
    company.save(update_fields=["name"])
    company.refresh_from_db()
    assert company.updated_at.year > 2020


# --- tenants ---------------------------------------------------------------------------------------------------


def test_every_new_tenant_has_the_default_pipeline(db):
    tenant = Tenant.objects.create(slug="acme", name="Acme Inc")
    pipeline = tenant.pipelines.get()
    assert (pipeline.name, pipeline.is_default) == ("Sales Pipeline", True)
    assert list(pipeline.stages.values_list("name", "probability", "tenant")) == [
        ("Lead", 10, tenant.pk),
        ("Qualified", 25, tenant.pk),
        ("Proposal", 50, tenant.pk),
        ("Negotiation", 75, tenant.pk),
        ("Closed Won", 100, tenant.pk),
        ("Closed Lost", 0, tenant.pk),
    ]


def test_a_tenant_that_is_saved_again_gets_no_second_pipeline(tenant):
    tenant.name = "Acme Ltd"
    tenant.save()
    assert tenant.pipelines.count() == 1


def fill(tenant):
    """Give a tenant one of everything."""
    company = Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    contact = make_contact(tenant, company=company)
    deal = make_deal(tenant, company=company, contact=contact)
    make_activity(tenant, company=company, contact=contact, deal=deal)
    make_key(tenant)


RECORDS = [Company, Contact, Deal, Activity, ApiKey, Pipeline, Stage]


def counts():
    return [model.objects.count() for model in RECORDS]


def test_two_tenants_do_not_collide(tenant, other_tenant):
    for owner in (tenant, other_tenant):
        fill(owner)
    assert counts() == [2, 2, 2, 2, 2, 2, 12]


def test_deleting_a_tenant_deletes_all_of_it_and_nothing_else(tenant, other_tenant):
    for owner in (tenant, other_tenant):
        fill(owner)
    tenant.delete()
    assert counts() == [1, 1, 1, 1, 1, 1, 6]
    assert all(record.tenant == other_tenant for model in RECORDS for record in model.objects.all())


def test_deleting_a_company_leaves_its_contacts_and_deals(tenant):
    fill(tenant)
    Company.objects.get().delete()
    assert (Contact.objects.get().company, Deal.objects.get().company) == (None, None)
    assert not Activity.objects.exists()


def test_a_stage_with_deals_stays(tenant):
    deal = make_deal(tenant)
    with pytest.raises(RestrictedError):
        deal.stage.delete()
    with pytest.raises(RestrictedError):
        deal.pipeline.delete()


@pytest.mark.parametrize(
    "values",
    [{"slug": ""}, {"slug": "Acme"}, {"slug": "-a"}, {"slug": "a" * 64}, {"slug": "a\n"}, {"currency": "ZZZ"},
     {"timezone": "Mars/Base"}, {"name": ""}],
)  # fmt: skip
def test_an_invalid_tenant_is_named(db, values):
    with pytest.raises(ValidationError) as caught:
        create_tenant(**{"slug": "acme", "name": "Acme Inc"} | values)
    assert set(caught.value.message_dict) == set(values)
    assert not Tenant.objects.exists()


def test_a_form_reports_a_duplicate_that_differs_in_case_alone(tenant):
    make_contact(tenant)
    form_class = modelform_factory(Contact, fields=["tenant", "first_name", "last_name", "email", "lifecycle_stage"])
    values = {"tenant": tenant.pk, "first_name": "A", "last_name": "L", "lifecycle_stage": "lead"}
    assert form_class(values | {"email": "else@example.com"}).is_valid()
    assert not form_class(values | {"email": "ADA@example.com"}).is_valid()


# --- external ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "noun", "others"),
    [
        (make_contact, "contact", {"email": "b@example.com"}),
        (make_deal, "deal", {"name": "Other"}),
        (make_activity, "activity", {"subject": "Other"}),
    ],
)
def test_an_external_id_is_unique_in_its_source(tenant, make, noun, others):
    make(tenant, external_source="hubspot", external_id="1")
    second = make(tenant, external_source="hubspot", **others)
    assert refuses(second, external_id="1") == f"{noun}_external_id_is_unique"
    second.external_id = "1"
    with pytest.raises(ValidationError, match="Another record has the same external source and ID"):
        second.full_clean()
    type(second).objects.filter(pk=second.pk).update(external_source="pipedrive", external_id="1")


# --- contacts of whom little is known ---------------------------------------------------------------------------


def test_contacts_without_an_address_do_not_collide(tenant):
    for _ in range(2):
        Contact.objects.create(tenant=tenant, phone="1")
    assert list(Contact.objects.values_list("email", "email_key")) == [("", None)] * 2


def test_a_contact_that_loses_its_address_has_no_key(tenant):
    ada = make_contact(tenant)
    Contact.objects.filter(pk=ada.pk).update(email="")
    ada.refresh_from_db()
    assert ada.email_key is None


def test_a_contact_is_known_by_something(tenant):
    with pytest.raises(ValidationError, match="Give a first name, last name, e-mail, phone, mobile or company"):
        Contact(tenant=tenant, city="London").full_clean()
    Contact(tenant=tenant, company=Company.objects.create(tenant=tenant, name="Acme")).full_clean()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"first_name": "Ada", "last_name": "Lovelace"}, "Ada Lovelace"),
        ({"last_name": "Lovelace", "phone": "1"}, "Lovelace"),
        ({"email": "ada@example.com", "phone": "1"}, "ada@example.com"),
        ({"mobile": "2"}, "2"),
        ({"company": Company(name="Acme")}, "Acme"),
        ({"pk": 7}, "Contact 7"),
    ],
)
def test_a_contact_is_called_by_what_is_known_of_it(values, text):
    assert str(Contact(**values)) == text


# --- names that are kept side by side ----------------------------------------------------------------------------


@pytest.fixture
def twins(tenant):
    """Two companies of one name, the second of which was kept beside the first."""
    slots = ["", "hubspot 2"]
    return [Company.objects.create(tenant=tenant, name="Acme", domain="a.com", name_slot=slot) for slot in slots]


def test_a_kept_name_can_stay(twins):
    for company in twins:
        company.full_clean()


@pytest.mark.parametrize("values", [{"name": "ACME"}, {"name": "Other", "domain": "www.a.com"}])
def test_a_kept_name_or_domain_is_still_taken(tenant, twins, values):
    with pytest.raises(ValidationError, match="Another company has the same"):
        Company(tenant=tenant, **values).full_clean()
    twins[0].delete()
    with pytest.raises(ValidationError, match="Another company has the same"):
        Company(tenant=tenant, **values).full_clean()


def test_a_kept_record_cannot_take_a_third_name(tenant, twins):
    Company.objects.create(tenant=tenant, name="Globex")
    twins[1].name = "globex"
    with pytest.raises(ValidationError, match="Another company has the same name"):
        twins[1].full_clean()
