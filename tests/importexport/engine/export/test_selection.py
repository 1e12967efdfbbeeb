"""What an export is asked for: columns and their order, filters, the time of the last change."""

import datetime as dt

import pytest
from django.db.models import F

from crm.models import Contact
from crm.models.tenant import create_tenant
from importexport.engine.export.selection import SelectionError, read_selection
from importexport.resources import RESOURCES

COMPANIES = 'name,industry,country,tags\nAcme,Steel,Germany,"VIP,old"\nGlobex,steel,France,vip\nInitech,,germany,\n'
CONTACTS = (
    "first_name,last_name,email,company_name,lifecycle_stage,lead_source,country\n"
    "Ada,L,ada@x.example,Acme,customer,Fair,Germany\n"
    "Bob,M,bob@x.example,Globex,lead,fair,\n"
    "Cy,N,cy@x.example,,lead,Web,\n"
)
DEALS = (
    "name,stage_name,currency,company_name,contact_email\nOne,Lead,EUR,Acme,ada@x.example\nTwo,Closed Won,USD,Globex,\n"
)
ACTIVITIES = (
    "activity_type,subject,status,priority,deal_name\ncall,First,pending,high,One\nnote,Second,completed,low,Two\n"
)


@pytest.fixture
def filled(api):
    for entity, content in (
        ("companies", COMPANIES),
        ("contacts", CONTACTS),
        ("deals", DEALS),
        ("activities", ACTIVITIES),
    ):
        assert api.import_csv(entity, content)["errors"] == []
    return api


def export(api, entity, **query):
    """Return the first cells of the exported rows."""
    response = api.client.get(f"/api/v1/importexport/{entity}/export", query)
    assert response.status_code == 200, response.content
    return [line.split(",")[0] for line in response.getvalue().decode().split("\r\n")[1:-1]]


@pytest.mark.parametrize(
    ("entity", "query", "found"),
    [
        ("companies", {"industry": "STEEL"}, ["Acme", "Globex"]),
        ("companies", {"country": "Germany"}, ["Acme", "Initech"]),
        ("companies", {"tags": "Vip"}, ["Acme", "Globex"]),
        ("companies", {"tags": "old,vip"}, ["Acme"]),
        ("companies", {"industry": "steel", "country": "france"}, ["Globex"]),
        ("contacts", {"lifecycle_stage": "Customer"}, ["Ada"]),
        ("contacts", {"lead_source": "fair"}, ["Ada", "Bob"]),
        ("contacts", {"company_name": " GLOBEX "}, ["Bob"]),
        ("contacts", {"country": "Atlantis"}, []),
        ("deals", {"stage_name": "closed won"}, ["Two"]),
        ("deals", {"pipeline_name": "Sales Pipeline"}, ["One", "Two"]),
        ("deals", {"currency": "eur"}, ["One"]),
        ("deals", {"contact_email": "ADA@x.example"}, ["One"]),
        ("deals", {"contact_email": "ada@X\u200b.example"}, ["One"]),
        ("deals", {"company_name": "Acme", "currency": "USD"}, []),
        ("activities", {"activity_type": "CALL"}, ["call"]),
        ("activities", {"status": "completed"}, ["note"]),
        ("activities", {"priority": "high"}, ["call"]),
        ("activities", {"deal_name": "two"}, ["note"]),
    ],
)
def test_records_are_filtered(filled, entity, query, found):
    assert export(filled, entity, **query) == found


@pytest.mark.parametrize(
    ("entity", "query", "sentence"),
    [
        (
            "contacts",
            {"lifecycle_stage": "prospect"},
            "Unknown lifecycle_stage 'prospect'. Expected one of lead, qualified, opportunity, customer, evangelist.",
        ),
        (
            "contacts",
            {"company_name": "Nobody"},
            "Unknown company_name 'Nobody'. Expected an existing company, by name.",
        ),
        ("deals", {"stage_name": ""}, "Unknown stage_name ''. Expected an existing stage, by name."),
        ("deals", {"currency": "ZZZ"}, "Unknown currency 'ZZZ'. Expected ISO 4217 code."),
        ("companies", {"country": ""}, "Unknown country ''. Expected text, at most 100 characters."),
        ("companies", {"country": "x" * 101}, f"Unknown country '{'x' * 100}'. Expected text, at most 100 characters."),
        (
            "companies",
            {"tags": ","},
            "Unknown tags ','. Expected tags separated by commas, each at most 50 characters.",
        ),
        (
            "companies",
            {"updated_since": "yesterday"},
            "Unknown updated_since 'yesterday'. Expected date and time, ISO 8601: 2025-06-15T14:30:00Z.",
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_what_was_expected(tenant, entity, query, sentence):
    with pytest.raises(SelectionError) as refused:
        read_selection(query, RESOURCES[entity](tenant))
    assert str(refused.value) == sentence


def test_a_record_of_another_tenant_is_no_record_to_filter_by(tenant, other_tenant):
    RESOURCES["companies"]._meta.model.objects.create(tenant=other_tenant, name="Acme")
    with pytest.raises(SelectionError):
        read_selection({"company_name": "Acme"}, RESOURCES["contacts"](tenant))


@pytest.mark.parametrize("text", ["name\0", "\ud800", "\uffff"])
def test_what_the_database_cannot_store_is_not_found(tenant, text):
    for entity, name in (("contacts", "company_name"), ("contacts", "country"), ("contacts", "tags")):
        with pytest.raises(SelectionError):
            read_selection({name: text}, RESOURCES[entity](tenant))


def test_of_pipelines_with_a_stage_of_the_same_name_all_deals_are_meant(api, tenant):
    other = tenant.pipelines.create(name="Partners")
    other.stages.create(tenant=tenant, name="Lead", probability=5)
    api.import_csv("deals", "name,stage_name,pipeline_name\nOne,Lead,Sales Pipeline\nTwo,Lead,Partners\n")
    assert export(api, "deals", stage_name="lead") == ["One", "Two"]
    assert export(api, "deals", stage_name="lead", pipeline_name="partners") == ["Two"]


# --- columns -------------------------------------------------------------------------------------------------


def test_columns_come_in_the_order_given_with_the_id_and_times(api):
    api.import_csv("companies", "name,domain\nAcme,acme.example\n")
    record = api_record(api)
    response = api.get("companies/export?columns=name,domain,id,created_at,updated_at")
    created = record.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"
    assert response.getvalue().decode() == (
        f"name,domain,id,created_at,updated_at\r\nAcme,acme.example,{record.pk},{created},{created}\r\n"
    )


def api_record(api):
    return RESOURCES["companies"](api.tenant).get_queryset().get()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("name,shoe", "Unknown column 'shoe'. Expected some of: name, domain,"),
        ("", "Unknown column ''. Expected some of: name,"),
        ("name,", "Unknown column ''. Expected some of: name,"),
        ("name,id,name", "The column 'name' is given more than once."),
    ],
)
def test_an_unknown_or_repeated_column_is_named(tenant, columns, sentence):
    with pytest.raises(SelectionError) as refused:
        read_selection({"columns": columns}, RESOURCES["companies"](tenant))
    assert str(refused.value).startswith(sentence)


# --- the time of the last change -----------------------------------------------------------------------------


def changed(tenant, email, moment):
    contact = Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email=email)
    Contact.objects.filter(pk=contact.pk).update(updated_at=dt.datetime.fromisoformat(moment))


def since(tenant, text):
    selection = read_selection({"updated_since": text}, RESOURCES["contacts"](tenant))
    return list(Contact.objects.filter(selection.condition).order_by("id").values_list("email", flat=True))


def test_records_changed_at_a_time_or_later(tenant):
    changed(tenant, "before@x.example", "2025-06-15T14:29:59.999999+00:00")
    changed(tenant, "then@x.example", "2025-06-15T14:30:00+00:00")
    for text in ("2025-06-15T14:30:00Z", "2025-06-15 14:30", "2025-06-15T16:30:00+02:00"):
        assert since(tenant, text) == ["then@x.example"]
    assert since(tenant, "2025-06-15") == ["before@x.example", "then@x.example"]
    assert since(tenant, "2025-06-16") == []


def test_a_time_without_an_offset_is_in_the_tenants_zone(db):
    tenant = create_tenant(slug="berlin", name="Berlin", timezone="Europe/Berlin")
    changed(tenant, "before@x.example", "2025-06-15T12:29:59+00:00")
    changed(tenant, "then@x.example", "2025-06-15T12:30:00+00:00")
    assert since(tenant, "2025-06-15T14:30:00") == ["then@x.example"]
    changed(tenant, "midnight@x.example", "2025-06-15T22:00:00+00:00")
    assert since(tenant, "2025-06-16") == ["midnight@x.example"]


def test_the_time_that_an_export_shows_finds_the_record_again(api, tenant):
    changed(tenant, "then@x.example", "2025-06-15T14:30:00.123456+00:00")
    shown = api.get("contacts/export?columns=updated_at").getvalue().decode().split("\r\n")[1]
    assert since(tenant, shown) == ["then@x.example"]


def test_an_import_that_changes_a_record_changes_its_time_and_one_that_does_not_leaves_it(api, tenant):
    api.import_csv("contacts", CONTACTS.replace("Acme", "").replace("Globex", ""))
    Contact.objects.update(updated_at=F("created_at") - dt.timedelta(days=30))
    content = "email,first_name\nada@x.example,Ada\nbob@x.example,Robert\n"
    api.import_csv("contacts", content, query="mode=update")
    a_week_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=7)
    assert since(tenant, a_week_ago.isoformat().replace("+00:00", "Z")) == ["bob@x.example"]
