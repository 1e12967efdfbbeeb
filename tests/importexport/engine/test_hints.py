"""References by external id, by full name and by domain."""

import pytest

from crm.models import Activity, Company, Contact, Deal
from crm.models.tenant import create_tenant
from importexport.models import ImportRun
from importexport.resources import ContactResource

PEOPLE = "first_name,last_name,email,external_source"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


@pytest.fixture
def acme(api):
    api.import_csv("companies", "name,domain,external_source,external_id\nAcme,acme.com,hubspot,501\n")
    return Company.objects.get()


@pytest.fixture
def ada(api, acme):
    content = "first_name,last_name,email,external_source,external_id\nAda,Lovelace,ada@x.com,hubspot,7\n"
    api.import_csv("contacts", content)
    return Contact.objects.get()


@pytest.fixture
def renewal(api, acme, ada):
    api.import_csv("deals", "name,external_source,external_id\nRenewal,hubspot,9\n")
    return Deal.objects.get()


# --- by external id ----------------------------------------------------------------------------------------------


def test_a_contact_refers_to_its_company_by_id(api, acme):
    content = f"{PEOPLE},company_external_id\nA,B,a@x.com,hubspot,501\nA,B,b@x.com,hubspot,\n"
    assert api.import_csv("contacts", content) == result(2)
    assert list(Contact.objects.order_by("id").values_list("company__name", flat=True)) == ["Acme", None]


def test_a_deal_and_an_activity_refer_by_ids(api, acme, ada, renewal):
    head = "external_source,company_external_id,contact_external_id"
    assert api.import_csv("deals", f"name,{head}\nNew,hubspot,501,7\n") == result(1)
    deal = Deal.objects.get(name="New")
    assert (deal.company, deal.contact) == (acme, ada)
    content = f"activity_type,subject,{head},deal_external_id\ncall,Hi,hubspot,501,7,9\n"
    assert api.import_csv("activities", content) == result(1)
    activity = Activity.objects.get()
    assert (activity.company, activity.contact, activity.deal) == (acme, ada, renewal)


def test_an_id_that_was_never_brought_is_an_error(api, acme):
    content = f"{PEOPLE},company_external_id\nA,B,a@x.com,hubspot,502\nA,B,b@x.com,pipedrive,501\nA,B,c@x.com,,501\n"
    assert api.import_csv("contacts", content) == result(
        0,
        "Row 2: Company with external_id '502' not found",
        "Row 3: Company with external_id '501' not found",
        "Row 4: Company with external_id '501' not found",
    )


def test_an_id_comes_before_a_name(api, acme):
    api.import_csv("companies", "name\nGlobex\n")
    content = (
        f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,501,Globex\nA,B,b@x.com,hubspot,501,Nobody\n"
    )
    assert api.import_csv("contacts", content) == result(2)
    assert set(Contact.objects.values_list("company__name", flat=True)) == {"Acme"}


def test_an_id_that_nobody_has_gives_way_to_the_name(api):
    api.import_csv("companies", "name\nAcme\n")
    content = (
        f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,502,acme\nA,B,b@x.com,hubspot,502,Nobody\n"
    )
    assert api.import_csv("contacts", content) == result(1, "Row 3: Company 'Nobody' not found")
    assert Contact.objects.get().company.name == "Acme"


def test_a_record_of_that_name_with_another_id_of_the_source_is_not_the_one_that_is_meant(api, acme):
    content = f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,502,acme\nA,B,b@x.com,pipedrive,7,acme\n"
    assert api.import_csv("contacts", content) == result(1, "Row 2: Company with external_id '502' not found")
    assert Contact.objects.get().company == acme


def test_another_tenants_ids_do_not_count(api):
    other = create_tenant(slug="other", name="Other")
    Company.objects.create(tenant=other, name="Globex", external_source="hubspot", external_id="501")
    content = f"{PEOPLE},company_external_id\nA,B,a@x.com,hubspot,501\n"
    assert api.errors("contacts", content) == ["Row 2: Company with external_id '501' not found"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("x" * 256, "Value too long in 'company_external_id' (maximum 255 characters)"),
        ("a\x01b", "Invalid character in 'company_external_id'"),
        ("#N/A", "Spreadsheet error value '#N/A' in 'company_external_id'"),
    ],
)
@pytest.mark.parametrize("missing", ["reject", "create"])
def test_what_cannot_be_an_id_is_an_error(api, number, sentence, missing):
    content = f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,{number},New\n"
    (error,) = api.import_csv("contacts", content, f"missing={missing}")["errors"]
    assert sentence in error
    assert not Company.objects.exists()


def test_an_upsert_changes_a_reference_by_id(api, acme, ada):
    content = "email,external_source,company_external_id\nada@x.com,hubspot,501\n"
    assert api.import_csv("contacts", content, "mode=update") == result(1)
    assert Contact.objects.get().company == acme
    content = "email,external_source,company_external_id,phone\nada@x.com,hubspot,,1\n"
    assert api.import_csv("contacts", content, "mode=update") == result(1)
    assert Contact.objects.get().company == acme
    assert api.import_csv("contacts", content, "mode=update&blank=clear") == result(1)
    assert Contact.objects.get().company is None


def test_a_company_by_id_is_enough_of_a_contact(api, acme):
    content = "external_source,company_external_id\nhubspot,501\nhubspot,502\nhubspot,\n"
    assert api.import_csv("contacts", content, "incomplete=accept") == result(
        1,
        "Row 3: Company with external_id '502' not found",
        "Row 4: A contact needs a first name, last name, e-mail, phone, mobile or company",
    )


def test_an_export_has_the_ids_of_references(api, acme, ada, renewal):
    Deal.objects.update(company=acme)
    response = api.get("deals/export?columns=name,company_external_id,contact_external_id")
    assert response.getvalue().decode() == "name,company_external_id,contact_external_id\r\nRenewal,501,\r\n"


def test_an_export_has_no_ids_of_references_of_another_program(api, acme):
    """An import would look for them in the program of the record, where they are another company's."""
    api.import_csv("companies", "name,external_source,external_id\nOther,zoho,501\n")
    api.import_csv(
        "contacts", "first_name,last_name,email,external_source,external_id,company_name\nA,B,a@x.com,zoho,1,Acme\n"
    )
    columns = "first_name,last_name,email,external_source,external_id,company_external_id"
    (line,) = api.get(f"contacts/export?columns={columns}").getvalue().decode().splitlines()[1:]
    assert line == "A,B,a@x.com,zoho,1,"
    exported = Contact.objects.get(email="a@x.com")
    assert ContactResource(tenant=exported.tenant).declared["company_external_id"].export(exported) == ""


def test_the_row_log_names_the_record(transactional_db, api, acme, ada):
    content = "email,external_source,company_external_id\nada@x.com,hubspot,501\n"
    run = api.plan("contacts", content, "mode=update")
    (row,) = api.look(f"imports/{run['id']}/rows")["results"]
    assert row["changes"]["company_name"] == ["", "Acme"]
    assert "company_external_id" not in row["changes"]


# --- companies that are created -----------------------------------------------------------------------------------


def test_a_company_that_is_created_gets_the_id(api):
    content = (
        f"{PEOPLE},company_external_id,company_name\n"
        "A,B,a@x.com,hubspot,501,New\nA,B,b@x.com,hubspot,501,Other\nA,B,c@x.com,hubspot,,new\nA,B,d@x.com,hubspot,502,New\n"
    )
    assert api.import_csv("contacts", content, "missing=create") == result(4)
    assert list(Company.objects.values_list("name", "external_source", "external_id")) == [("New", "hubspot", "501")]
    assert Company.objects.get().contacts.count() == 4
    assert api.import_csv("deals", "name,external_source,company_external_id\nA,hubspot,501\n") == result(1)


def test_a_later_batch_finds_the_company_by_its_id(api):
    rows = "".join(f"A,B,{n}@x.com,hubspot,501,{name}\n" for n, name in enumerate(["New"] * 3200 + [""]))
    content = f"{PEOPLE},company_external_id,company_name\n{rows}"
    assert api.import_csv("contacts", content, "missing=create") == result(3201)
    assert Company.objects.get().contacts.count() == 3201


def test_a_company_of_a_rejected_row_is_not_found_afterwards(api):
    content = (
        f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,,\nA,B,a@x.com,hubspot,501,New\n"
        + "A,B,nobody,hubspot,,\n" * 3200
        + "A,B,b@x.com,hubspot,501,\n"
    )
    errors = api.import_csv("contacts", content, "missing=create")["errors"]
    assert errors[0] == "Row 3: Duplicate contact with email 'a@x.com'"
    assert errors[-1] == "Row 3204: Company with external_id '501' not found"
    assert not Company.objects.exists()


def test_an_id_without_a_name_creates_nothing(api):
    content = f"{PEOPLE},company_external_id\nA,B,a@x.com,hubspot,501\n"
    assert api.import_csv("contacts", content, "missing=create") == result(
        0, "Row 2: Company with external_id '501' not found"
    )


def test_created_companies_are_planned_and_undone(transactional_db, api):
    content = f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,501,New\n"
    run = api.plan("contacts", content, "missing=create")
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    undo = api.undo(run["id"])
    assert not Company.objects.exists()
    api.undo(undo["id"])
    assert Company.objects.get().external_id == "501"


def test_a_plan_does_not_hold_if_somebody_else_has_the_id_by_now(transactional_db, api):
    content = f"{PEOPLE},company_external_id,company_name\nA,B,a@x.com,hubspot,501,New\n"
    run = api.plan("contacts", content, "missing=create")
    api.import_csv("companies", "name,external_source,external_id\nGlobex,hubspot,501\n")
    assert api.post(f"imports/{run['id']}/apply").status_code == 409
    assert not Contact.objects.exists()


# --- by full name and by domain, as only readings of other programs' files have them -------------------------------


ZOHO = "source=zoho&incomplete=accept"


def people(api, *names):
    for number, (first, last) in enumerate(names):
        Contact.objects.create(tenant=api.tenant, first_name=first, last_name=last, email=f"{number}@x.com")


def contacts_of_deals():
    found = Deal.objects.order_by("id").values_list("contact__first_name", "contact__last_name")
    return [" ".join(filter(None, pair)) for pair in found]


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        (("Ada", "Lovelace"), "ada  LOVELACE"), (("Ada", ""), "Ada"), (("", "Lovelace"), "lovelace"),
        (("Mary Ann", "Van der Berg"), "Mary Ann van der Berg"), (("Özil", "ÇELIK"), "özil çelik"),
        (("ÖZIL", "Weiß"), "özil weiß"), (("Ada", "O'Neil-Smith"), "ADA o'neil-smith"),
    ],
)  # fmt: skip
def test_a_deal_refers_to_a_contact_by_full_name(api, stored, written):
    people(api, stored, ("Grace", "Hopper"))
    assert api.import_csv("deals", f"Deal Name,Contact Name\nA,{written}\n", ZOHO) == result(1)
    assert contacts_of_deals() == [" ".join(filter(None, stored))]


def test_a_full_name_that_several_bear_is_ambiguous(api):
    people(api, ("Ada", "Lovelace"), ("ADA", "LOVELACE"))
    assert api.import_csv("deals", "Deal Name,Contact Name\nA,Ada Lovelace\nB,Nobody At All\n", ZOHO) == result(
        0, "Row 2: Contact 'Ada Lovelace' matches more than one record", "Row 3: Contact 'Nobody At All' not found"
    )


def test_a_name_of_another_tenant_is_not_found(api):
    other = create_tenant(slug="other", name="Other")
    Contact.objects.create(tenant=other, first_name="Ada", last_name="Lovelace", email="a@x.com")
    assert api.import_csv("deals", "Deal Name,Contact Name\nA,Ada Lovelace\n", ZOHO)["skipped"] == 1


def test_full_names_and_domains_are_no_columns_of_our_files(api):
    assert api.import_csv("deals", "name,contact_name,company_domain\nA,Nobody,nowhere.com\n") == result(1)
    assert ImportRun.objects.get().header["ignored"] == ["contact_name", "company_domain"]


def test_a_contact_refers_to_a_company_by_domain(api, acme):
    content = "First Name,Email,Associated Company,Associated Company Domain\n{}\n"
    rows = ["A,a@y.com,,www.ACME.com", "B,b@y.com,Nobody,acme.com", "C,c@y.com,,nowhere.com", "D,d@y.com,,"]
    assert api.import_csv("contacts", content.format("\n".join(rows)), "source=hubspot&incomplete=accept") == result(
        3, "Row 4: Company 'nowhere.com' not found"
    )
    assert list(Contact.objects.order_by("id").values_list("company__name", flat=True)) == ["Acme", "Acme", None]


def test_a_company_that_is_created_gets_the_domain(transactional_db, api):
    head = "First Name,Last Name,Email,Company Name,Associated Company Domain\n"
    rows = "A,B,a@x.com,New,\nA,B,b@x.com,new,www.new.example\nA,B,c@x.com,New Ltd,NEW.example\n"
    options = "source=hubspot&missing=create"
    assert api.import_csv("contacts", head + rows, options) == result(3)
    assert list(Company.objects.values_list("name", "domain", "domain_key")) == [
        ("New", "www.new.example", "new.example")
    ]
    assert Company.objects.get().contacts.count() == 3
    api.undo(str(ImportRun.objects.get().pk))
    assert not Company.objects.exists()


def test_a_company_is_not_created_with_what_is_no_domain(api):
    head = "First Name,Last Name,Email,Company Name,Associated Company Domain\n"
    rows = f"A,B,a@x.com,New,{'x' * 256}\n"
    assert api.import_csv("contacts", head + rows, "source=hubspot&missing=create") == result(
        0, "Row 2: Value too long in 'company_domain' (maximum 255 characters)"
    )


def test_a_domain_that_several_companies_have_is_ambiguous(api):
    api.import_csv("companies", "name,domain,external_id\nAcme,acme.com,1\nAcme,acme.com,2\n", "duplicates=keep")
    content = "First Name,Email,Associated Company Domain\nA,a@y.com,acme.com\n"
    assert api.import_csv("contacts", content, "source=hubspot&incomplete=accept&missing=create") == result(
        0, "Row 2: Company 'acme.com' matches more than one record"
    )


def test_a_reference_that_is_not_there_can_be_left_blank(api):
    content = "Deal Name,Contact Name\nA,Nobody\n"
    assert api.import_csv("deals", content, f"{ZOHO}&invalid=blank") == result(1)
    assert contacts_of_deals() == [""]
    assert ImportRun.objects.get().warning_count == 1
