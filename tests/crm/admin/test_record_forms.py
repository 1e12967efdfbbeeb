"""Validation in the forms of records: an invalid value is a form error, never a server error."""

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from crm.models import Activity, Company, Contact, Deal, Pipeline, Stage
from tests.support.waiting import Background

CONTACT = {
    "first_name": "Grace", "last_name": "Hopper", "email": "grace@acme.example", "lifecycle_stage": "lead", "phone": "",
    "mobile": "", "title": "", "department": "", "company": "", "address": "", "city": "", "state": "", "country": "",
    "postal_code": "", "lead_source": "", "tags": "", "notes": "",
}  # fmt: skip
COMPANY = {
    "name": "New", "domain": "", "website": "", "phone": "", "industry": "", "employee_count": "", "annual_revenue": "",
    "description": "", "tags": "", "notes": "", "address": "", "city": "", "state": "", "country": "", "postal_code": "",
}  # fmt: skip
DEAL = {
    "name": "New", "value": "1.50", "currency": "EUR", "probability": "", "expected_close_date": "", "contact": "",
    "company": "", "notes": "",
}  # fmt: skip
ACTIVITY = {
    "subject": "New", "activity_type": "call", "priority": "normal", "status": "pending", "body": "", "due_date": "",
    "scheduled_at_0": "", "scheduled_at_1": "", "completed_at_0": "", "completed_at_1": "", "contact": "",
    "company": "", "deal": "",
}  # fmt: skip


def add(place, model, data, role="editor"):
    """Post a form for a new record; return the errors by field, or an empty dict if it was stored."""
    page = place.client(role).post(f"/admin/crm/{model}/add/", data)
    if page.status_code == 302:
        return {}
    assert page.status_code == 200
    return dict(page.context["adminform"].form.errors)


def stage_of(place, **where):
    return Stage.objects.filter(tenant=place.tenant, **where).first()


@pytest.mark.parametrize("email", ["ada@acme.example", "ADA@ACME.example"])
def test_a_duplicate_contact_is_a_form_error(acme, email):
    assert "same email" in str(add(acme, "contact", CONTACT | {"email": email}))


def test_another_tenants_contact_is_not_a_duplicate(acme, globex):
    assert add(acme, "contact", CONTACT | {"email": "ada@globex.example"}) == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"name": "COMPANY  of acme"}, "same name"), ({"domain": "ACME.example"}, "same domain"), ({"domain": ""}, "")],
)
def test_a_duplicate_company_is_a_form_error(acme, values, message):
    errors = add(acme, "company", COMPANY | values)
    assert message in str(errors) if message else errors == {}


def test_a_duplicate_deal_in_a_pipeline_is_a_form_error(acme):
    assert "same" in str(add(acme, "deal", DEAL | {"name": "DEAL of acme", "stage": stage_of(acme).pk}))
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    stage = Stage.objects.create(tenant=acme.tenant, pipeline=other, name="S", probability=33)
    assert add(acme, "deal", DEAL | {"name": "Deal of acme", "stage": stage.pk}) == {}
    deal = Deal.objects.latest("id")
    assert (deal.pipeline, deal.stage, deal.probability) == (other, stage, 33)


def test_a_duplicate_activity_is_a_form_error(acme):
    same = {
        name: acme.records[model].pk for name, model in (("contact", Contact), ("company", Company), ("deal", Deal))
    }
    assert "same" in str(add(acme, "activity", ACTIVITY | same | {"subject": "CALL of acme"}))
    assert add(acme, "activity", ACTIVITY | same | {"subject": "Call of acme", "activity_type": "note"}) == {}


def test_two_activities_that_differ_in_body_or_completion_time_are_no_duplicates(acme):
    done = {"completed_at_0": "2025-06-15", "completed_at_1": "14:30:00"}
    for values in ({"body": "One\r\nTwo"}, {"body": "Two"}, {"body": "Two"} | done):
        assert add(acme, "activity", ACTIVITY | values) == {}
        assert "same" in str(add(acme, "activity", ACTIVITY | values))


@pytest.mark.parametrize("model", ["contact", "company", "deal", "activity"])
def test_a_reference_to_another_tenants_record_is_a_form_error(acme, globex, model):
    forms = {
        "contact": (CONTACT, {"company": Company}),
        "company": (COMPANY, {}),
        "deal": (DEAL | {"stage": stage_of(acme).pk}, {"contact": Contact, "company": Company, "stage": Stage}),
        "activity": (ACTIVITY, {"contact": Contact, "company": Company, "deal": Deal}),
    }
    data, references = forms[model]
    for name, to in references.items():
        assert list(add(acme, model, data | {name: globex.records[to].pk})) == [name]
    assert add(acme, model, data | {"tenant": globex.tenant.pk, "tenant_id": globex.tenant.pk}) == {}
    stored = {"contact": Contact, "company": Company, "deal": Deal, "activity": Activity}[model].objects.latest("id")
    assert stored.tenant == acme.tenant


@pytest.mark.parametrize("value", ["a\0b", "a\x07b", "a\x85b", "a\ufffeb", "a\uffffb"])
@pytest.mark.parametrize("field", ["first_name", "email", "notes", "tags", "city"])
def test_forbidden_characters_are_a_form_error(acme, field, value):
    assert list(add(acme, "contact", CONTACT | {field: value})) == [field]


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("contact", {"first_name": "x" * 101}), ("contact", {"first_name": "  ", "last_name": "", "email": ""}), ("contact", {"email": "a@localhost"}),
        ("contact", {"lifecycle_stage": "owner"}), ("contact", {"tags": "x" * 51}), ("contact", {"company": "abc"}),
        ("contact", {"company": "9" * 30}), ("contact", {"notes": "x" * 10_001}),
        ("contact", {"first_name": "\u3000", "last_name": "", "email": ""}),
        ("company", {"employee_count": "-1"}), ("company", {"employee_count": "9" * 30}),
        ("company", {"annual_revenue": "1e3000"}), ("company", {"annual_revenue": "NaN"}),
        ("company", {"annual_revenue": "12345678901234567.00"}), ("company", {"annual_revenue": "1.005"}),
        ("company", {"name": ""}), ("deal", {"value": "-1"}), ("deal", {"currency": "XXX9"}), ("deal", {"stage": ""}),
        ("deal", {"probability": "101"}), ("deal", {"probability": "-1"}), ("deal", {"expected_close_date": "tomorrow"}),
        ("activity", {"due_date": "2026-02-30"}), ("activity", {"scheduled_at_0": "2026-02-30"}),
        ("activity", {"status": "gone"}), ("activity", {"subject": "x" * 256}),
    ],
)  # fmt: skip
def test_a_bad_value_is_a_form_error(acme, model, values):
    forms = {"contact": CONTACT, "company": COMPANY, "deal": DEAL | {"stage": stage_of(acme).pk}, "activity": ACTIVITY}
    assert add(acme, model, forms[model] | values)


def test_texts_are_stored_as_an_import_stores_them(acme):
    data = CONTACT | {"first_name": "  Zoe\u0308 ", "notes": "one\r\ntwo\rthree ", "tags": "vip, new"}
    assert add(acme, "contact", data) == {}
    contact = Contact.objects.get(email="grace@acme.example")
    assert (contact.first_name, contact.notes, contact.tags) == ("Zoë", "one\ntwo\nthree", ["vip", "new"])


def test_a_record_keeps_its_tenant_when_a_superuser_changes_it(acme, globex, superuser):
    contact = acme.records[Contact]
    data = CONTACT | {"company": acme.records[Company].pk, "tenant": globex.tenant.pk}
    assert superuser.post(f"/admin/crm/contact/{contact.pk}/change/", data).status_code == 302
    contact.refresh_from_db()
    assert (contact.first_name, contact.tenant) == ("Grace", acme.tenant)


def test_markup_is_text_wherever_it_is_shown(acme):
    evil = "<img src=x onerror=alert(1)>"
    company = Company.objects.create(tenant=acme.tenant, name=evil, domain=evil, website=f"javascript:{evil}")
    contact = acme.records[Contact]
    Contact.objects.filter(pk=contact.pk).update(first_name=evil, last_name=evil, email=evil, company=company)
    Deal.objects.update(name=evil, company=company)
    Activity.objects.update(subject=evil)
    client = acme.client("editor")
    for address in (
        "contact/", f"contact/{contact.pk}/change/", f"contact/{contact.pk}/delete/", f"contact/{contact.pk}/history/",
        "company/", f"company/{company.pk}/change/", f"company/{company.pk}/delete/", "deal/", "activity/",
        f"deal/{acme.records[Deal].pk}/change/", f"contact/?q={evil}", f"contact/?company__id__exact={company.pk}",
    ):  # fmt: skip
        page = client.get(f"/admin/crm/{address}")
        assert page.status_code == 200, address
        assert "<img src=x" not in page.content.decode(), address
        assert 'href="javascript' not in page.content.decode(), address


@pytest.mark.django_db(transaction=True)
def test_of_two_users_adding_the_same_contact_one_gets_a_form_error(acme, monkeypatch):
    # The other contact is added after the form was validated and before it is stored.
    save, others = Contact.save, iter([True])

    def late(contact, **options):
        if next(others, False):
            in_a_thread(lambda: add(acme, "contact", CONTACT | {"email": "GRACE@acme.example"}))
        return save(contact, **options)

    client = acme.client("editor")
    monkeypatch.setattr(Contact, "save", late)
    page = client.post("/admin/crm/contact/add/", CONTACT)
    assert page.status_code == 200
    assert "same email" in str(page.context["adminform"].form.errors)
    assert Contact.objects.filter(email_key="grace@acme.example").count() == 1


def in_a_thread(work):
    def run():
        try:
            work()
        finally:
            connection.close()

    Background(run).outcome()


def test_an_error_that_persists_is_not_mistaken_for_a_concurrent_edit(acme, monkeypatch):
    def fail(contact, **options):
        raise IntegrityError("so it is")

    monkeypatch.setattr(Contact, "save", fail)
    client = Client(raise_request_exception=False)
    client.force_login(acme.users["editor"])
    assert client.post("/admin/crm/contact/add/", CONTACT).status_code == 500


def test_a_contact_of_whom_only_a_phone_is_known_can_be_added(acme):
    blank = {"first_name": "", "last_name": "", "email": "", "phone": "1"}
    assert add(acme, "contact", CONTACT | blank) == {}
    assert str(Contact.objects.latest("id")) == "1"


def test_an_external_id_that_is_taken_is_a_form_error(acme):
    ids = {"external_source": "hubspot", "external_id": "501"}
    assert add(acme, "company", COMPANY | ids) == {}
    errors = add(acme, "company", COMPANY | ids | {"name": "Other"})
    assert errors == {"__all__": ["Another record has the same external source and ID."]}
