"""Characters that nobody sees, and hosts, in forms and searches of the admin: as in an import."""

import pytest
from django.core.exceptions import ValidationError

from crm.admin.lists import Searched, search
from crm.models import ApiKey, Company, Contact, Pipeline, Tenant
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from tests.crm.admin.test_pipelines import pipeline_form
from tests.crm.admin.test_record_forms import COMPANY, CONTACT, add

BLANK = ["This field cannot be blank."]


def test_a_forms_texts_are_trimmed(acme):
    assert add(acme, "contact", CONTACT | {"first_name": "\u200bGrace\u200e", "phone": "\u202a+49 30\u202c"}) == {}
    contact = Contact.objects.get(email="grace@acme.example")
    assert (contact.first_name, contact.phone) == ("Grace", "+49 30")


def test_a_required_text_of_nothing_else_is_an_error(acme):
    assert add(acme, "company", COMPANY | {"name": "\u200b"}) == {"name": BLANK}


@pytest.mark.parametrize("name", ["Company of acme\u200b", "\ufeffCompany of acme", "Com\u00adpany of acme"])
def test_a_company_of_the_same_name_is_an_error(acme, name):
    assert add(acme, "company", COMPANY | {"name": name})


@pytest.mark.parametrize("domain", ["https://www.acme.example/about", "ACME.EXAMPLE:443", "acme.example."])
def test_a_company_of_the_same_host_is_an_error(acme, domain):
    assert add(acme, "company", COMPANY | {"domain": domain})


def test_a_contact_of_the_same_address_is_an_error(acme):
    assert add(acme, "contact", CONTACT | {"email": "info@köln.example"}) == {}
    assert add(acme, "contact", CONTACT | {"email": "INFO@xn--kln-sna.example"})


@pytest.mark.parametrize(
    "email", ["a@example。com", "a＠example.com", "a@[127.0.0.1]", "a@ex–ample.com", '"a@example.com"']
)
def test_what_is_no_address_is_an_error(acme, email):
    assert add(acme, "contact", CONTACT | {"email": email}) == {"email": ["Enter a valid email address."]}


@pytest.mark.parametrize("names", [["\u200b"], ["Trial", "Tri\u00adal"], ["\u200bLead"]])
def test_a_stage_needs_a_name_of_its_own(acme, names):
    pipeline = acme.records[Pipeline]
    page = acme.client("admin").post(f"/admin/crm/pipeline/{pipeline.pk}/change/", pipeline_form(pipeline, add=names))
    assert page.status_code == 200
    assert pipeline.stages.count() == 6


def test_a_stages_name_is_trimmed(acme):
    pipeline = acme.records[Pipeline]
    acme.client("admin").post(
        f"/admin/crm/pipeline/{pipeline.pk}/change/", pipeline_form(pipeline, add=["\u200bTrial"])
    )
    assert pipeline.stages.filter(name="Trial").exists()


# --- tenants and keys ------------------------------------------------------------------------------------------


def test_a_tenant_is_named_without_them(db):
    tenant = create_tenant(slug="acme", name="\ufeffAcme\u200b", currency="e\u200bur", timezone="\u200eEurope/Berlin")
    assert (tenant.name, tenant.currency, tenant.timezone) == ("Acme", "EUR", "Europe/Berlin")


def test_a_tenant_needs_a_name(db):
    with pytest.raises(ValidationError, match="cannot be blank"):
        create_tenant(slug="acme", name="\u200b")
    assert not Tenant.objects.exists()


def test_a_key_needs_a_name(acme):
    page = acme.client("admin").post("/admin/crm/apikey/add/", {"name": "\u200b", "scope": "read", "expires_at": ""})
    assert page.context["form"].errors == {"name": ["This field is required."]}
    with pytest.raises(ValidationError, match="cannot be blank"):
        create_api_key(tenant=acme.tenant, name="\u200b")
    assert ApiKey.objects.filter(tenant=acme.tenant).count() == 1


# --- search ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\u200bAcme", "ac\u00adme i", "acme.com", "https://www.acme.com/about", "WWW.acme.c"])
def test_a_company_is_found(tenant, text):
    Company.objects.create(tenant=tenant, name="Ac\u00adme Inc", domain="https://acme.com")
    Company.objects.create(tenant=tenant, name="Globex", domain="globex.com")
    found = search(Company.objects.all(), text, Searched(["name_key"], domain="domain_key"))
    assert [company.name for company in found] == ["Ac\u00adme Inc"]


@pytest.mark.parametrize(
    "text", ["info@kö", "info@xn--kln-sna.example", "INFO@KÖLN.EXAMPLE\u200b", "می\u200cروم\u200b", "\u200b می"]
)
def test_a_contact_is_found(tenant, text):
    Contact.objects.create(tenant=tenant, first_name="می\u200cروم", last_name="B", email="info@xn--kln-sna.example")
    Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="other@example.com")
    found = search(Contact.objects.all(), text, Searched(["first_name", "last_name"], email="email_key"))
    assert [contact.email for contact in found] == ["info@xn--kln-sna.example"]
