"""Error values of a spreadsheet were never typed by anyone: their rows are rejected, in every mode and column."""

import pytest

from crm.models import Company, Contact, Stage
from importexport.files.formula import ERROR_VALUES
from importexport.models import ImportRun, RejectedRow
from importexport.resources import RESOURCES, ContactResource
from tests.support.api import GOOD, one_row


def sentence(value, column):
    return f"Row 2: Spreadsheet error value '{value}' in '{column}'"


@pytest.mark.parametrize(
    ("entity", "column"), [(entity, name) for entity, found in RESOURCES.items() for name in found.column_names()]
)
@pytest.mark.parametrize("missing", ["reject", "create"])
def test_every_column_rejects_an_error_value(api, entity, column, missing):
    """It stands instead of any other error of its cell, and of what follows from it."""
    query = f"missing={missing}" if entity != "companies" else ""
    assert api.import_csv(entity, one_row(entity, **{column: "#N/A"}), query)["errors"] == [sentence("#N/A", column)]
    assert not Company.objects.exists()
    assert not RESOURCES[entity]._meta.model.objects.exists()


@pytest.mark.parametrize("value", [*ERROR_VALUES, "#n/a", "#Nv", "#div/0!"])
def test_every_error_value_is_one_ignoring_case(api, value):
    assert api.errors("contacts", one_row("contacts", phone=value)) == [sentence(value, "phone")]


@pytest.mark.parametrize("cell", [" #N/A\t", "\u00a0#N/A", '="#N/A"'])
def test_an_error_value_is_one_around_white_space(api, cell):
    assert api.errors("contacts", one_row("contacts", phone=cell)) == [sentence("#N/A", "phone")]


@pytest.mark.parametrize("text", ["#N/A!", "see #N/A", "#N/A #N/A", "#1", "#", "N/A", "#REF", "NULL", "#vip", "##N/A"])
def test_a_text_that_only_resembles_one_is_stored(api, text):
    assert api.errors("contacts", one_row("contacts", phone=text)) == []
    assert Contact.objects.get().phone == text


@pytest.mark.parametrize("mode", ["update", "upsert"])
@pytest.mark.parametrize("options", ["", "&blank=clear", "&blank=fill", "&missing=create", "&clear_marker=[clear]"])
def test_an_error_value_clears_and_creates_nothing(api, tenant, mode, options):
    acme = Company.objects.create(tenant=tenant, name="Acme")
    contact = Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="L", email="ada@example.com", phone="1", company=acme
    )
    other = "New" if "missing=create" in options else "Acme"
    content = f"email,phone,company_name\nada@example.com,#N/A,#REF!\nada@example.com,#NV,\n#N/A,2,{other}\n"
    assert api.import_csv("contacts", content, f"mode={mode}{options}")["errors"] == [
        "Row 2: Spreadsheet error value '#N/A' in 'phone'; Spreadsheet error value '#REF!' in 'company_name'",
        "Row 3: Spreadsheet error value '#NV' in 'phone'",
        "Row 4: Spreadsheet error value '#N/A' in 'email'",
    ]
    contact.refresh_from_db()
    assert (contact.phone, contact.company) == ("1", acme)
    assert Company.objects.count() == 1


def test_a_stage_after_an_error_value_as_its_pipeline_is_not_looked_for(api):
    content = "name,pipeline_name,stage_name\nBig,#N/A,Nowhere\n"
    for missing in ("reject", "create"):
        errors = api.import_csv("deals", content, f"missing={missing}")["errors"]
        assert errors == [sentence("#N/A", "pipeline_name")]
    assert not Stage.objects.filter(name="Nowhere").exists()


def test_a_rejected_row_claims_no_key(api):
    content = "first_name,last_name,email,phone\nA,B,a@example.com,#N/A\nA,B,a@example.com,1\n"
    assert api.errors("contacts", content) == [sentence("#N/A", "phone")]
    assert Contact.objects.get().phone == "1"


def test_an_ignored_column_may_have_any_error(api):
    assert api.errors("contacts", "first_name,last_name,email,Score\nA,B,a@example.com,#DIV/0!\n") == []


def test_too_many_cells_are_said_alone(api):
    content = "first_name,last_name,email\nA,#N/A,a@example.com,x\n"
    assert api.errors("contacts", content) == ["Row 2: Expected 3 columns, found 4"]


def test_the_error_has_a_code(api):
    api.errors("contacts", one_row("contacts", phone="#N/A"))
    assert RejectedRow.objects.get().errors == [["phone", "spreadsheet_error", sentence("#N/A", "phone")[7:]]]
    (group,) = ImportRun.objects.get().groups
    assert (group["code"], group["column"]) == ("spreadsheet_error", "phone")


@pytest.mark.parametrize("value", [*ERROR_VALUES, "#n/a"])
def test_a_stored_error_value_leaves_marked_and_comes_back(api, tenant, value):
    company = Company.objects.create(tenant=tenant, name=value, notes=f"'{value}", tags=[value])
    Contact.objects.create(tenant=tenant, **GOOD["contacts"], phone=value, company=company)
    companies, contacts = api.export("companies"), api.export("contacts")
    assert f",'{value}," in contacts
    Contact.objects.all().delete()
    Company.objects.all().delete()
    assert api.errors("companies", companies) == []
    assert api.errors("contacts", contacts) == []
    assert (api.export("companies"), api.export("contacts")) == (companies, contacts)
    assert Contact.objects.get().company.name == value


def test_an_empty_tenant_creates_the_company_of_a_marked_name(api):
    api.import_csv("contacts", one_row("contacts", company_name="'#N/A"), "missing=create")
    assert Contact.objects.get().company.name == "#N/A"


def test_the_librarys_own_way_refuses_it_as_well(tenant):
    fields = ContactResource(tenant).fields
    with pytest.raises(ValueError, match=r"^Spreadsheet error value '#N/A' in 'phone'$"):
        fields["phone"].clean({"phone": "#N/A"})
    with pytest.raises(ValueError, match=r"^Spreadsheet error value '#N/A' in 'company_name'$"):
        fields["company_name"].save(Contact(tenant=tenant), {"company_name": "#N/A"})
    assert fields["phone"].clean({"phone": "'#N/A"}) == "#N/A"
