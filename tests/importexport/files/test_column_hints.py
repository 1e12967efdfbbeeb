"""Which column an unknown header may mean: a synonym first, letters after, and rather none than a wrong one."""

import pytest

from importexport.files.column_hints import column_hints, synonyms
from importexport.files.header import fold_label
from importexport.files.synonyms import SYNONYMS
from importexport.resources import RESOURCES
from tests.support.api import problem


def hint(entity, header, *, has=()):
    """Return the column that a header may mean, in a file that has some columns."""
    free = [name for name in RESOURCES[entity].column_names() if name not in has]
    return column_hints([header], free, entity).get(header, "")


@pytest.mark.parametrize(
    ("entity", "column", "headers"),
    [
        ("contacts", "first_name", ["Given Name", "Forename", "Vorname", "First", "PRÉNOM"]),
        ("contacts", "last_name", ["Surname", "Family Name", "Last", "family-name", "Nachname", "Apellidos"]),
        ("contacts", "email", ["Email Address", "Mail", "E-Mail-Adresse", "E-mail 1 - Value", "email_address"]),
        ("contacts", "phone", ["Phone Number", "Telephone", "Tel.", "Work Phone", "Telefon"]),
        ("contacts", "mobile", ["Cell", "Mobile Phone", "Handy", "Cell Phone", "Móvil"]),
        ("contacts", "title", ["Job Title", "Position"]),
        ("contacts", "company_name", ["Company", "Organisation", "Account Name", "Firma"]),
        ("contacts", "postal_code", ["Zip", "PLZ", "Postcode", "ZIP Code", "Mailing Zip/Postal Code"]),
        ("contacts", "state", ["Province", "County", "Region", "Bundesland", "State/Province"]),
        ("contacts", "address", ["Street", "Address 1", "Straße", "STRASSE"]),
        ("contacts", "notes", ["Description", "Comments"]),
        ("companies", "name", ["Company", "Account Name", "Organization"]),
        ("companies", "employee_count", ["Employees", "Number of Employees", "# Employees"]),
        ("companies", "annual_revenue", ["Revenue", "Annual Turnover", "Umsatz"]),
        ("companies", "website", ["URL", "Homepage"]),
        ("deals", "name", ["Title", "Opportunity Name", "Deal Name"]),
        ("deals", "value", ["Amount", "Deal Value", "Est. revenue", "Betrag"]),
        ("deals", "stage_name", ["Stage", "Sales Stage", "Phase"]),
        ("deals", "expected_close_date", ["Close Date", "Closing Date", "Est. close date"]),
        ("deals", "contact_email", ["Email", "Associated Contact Email"]),
        ("activities", "subject", ["Title", "Betreff"]),
        ("activities", "body", ["Description", "Notes"]),
        ("activities", "due_date", ["Due", "Deadline", "Fällig am"]),
        ("activities", "company_name", ["Company", "Organization"]),
    ],
)
def test_a_synonym_means_its_column(entity, column, headers):
    assert {header: hint(entity, header) for header in headers} == dict.fromkeys(headers, column)


@pytest.mark.parametrize(
    ("header", "column"),
    [("Phnoe", "phone"), ("Fist Name", "first_name"), ("last nmae", "last_name"), ("Emial", "email"),
     ("Adress", "address"), ("Contry", "country"), ("Departement", "department"), ("life cicle stage", "lifecycle_stage")],
)  # fmt: skip
def test_a_misspelt_column_is_recognised_by_its_letters(header, column):
    assert hint("contacts", header) == column


@pytest.mark.parametrize(
    ("entity", "headers"),
    [
        ("contacts", ["Company ID", "Contact ID", "City ID", "Country ID", "Department ID", "Email 2", "Phone 2", "Name",
                      "Nickname", "Status", "Stage", "Titel", "Home Phone", "Website", "Account", "Owner", "Birthday",
                      "List Name", "Email Opt Out", "Record ID - Company", "Photo", "", "x" * 101]),
        ("companies", ["Company ID", "Mobile", "Email", "Stage", "Type", "Rating", "Site", "Related Company",
                       "Company Type", "SIC Code", "Associated Company"]),
        ("deals", ["Deal ID", "Deal Owner", "Type", "State Name", "Lead", "Currency Rate", "Revenue", "Deal Type",
                   "Company ID"]),
        ("activities", ["Activity ID", "Duration", "Date", "Deal ID", "Project", "Location", "Done"]),
    ],
)  # fmt: skip
def test_rather_no_hint_than_a_wrong_one(entity, headers):
    assert {header: hint(entity, header) for header in headers} == dict.fromkeys(headers, "")


@pytest.mark.parametrize(
    ("header", "column"),
    [("Mobile Phone", "mobile"), ("County", "state"), ("Phnoe", "phone"), ("Job Title", "title")],
)
def test_a_column_that_the_file_has_is_not_suggested(header, column):
    """Nor is another instead: a county is no misspelt country."""
    assert hint("contacts", header, has=[column]) == ""


def test_a_column_is_suggested_once_and_synonyms_come_first():
    headers = ["Phnoe", "Work Phone", "Telephone", "Cell"]
    assert column_hints(headers, ["phone", "mobile"], "contacts") == {"Work Phone": "phone", "Cell": "mobile"}


@pytest.mark.parametrize("entity", RESOURCES)
def test_the_synonyms_of_an_entity_are_of_its_columns_and_mean_one_each(entity):
    own = RESOURCES[entity].column_names()
    assert set(SYNONYMS[entity]) <= set(own)
    names = [fold_label(name) for names in SYNONYMS[entity].values() for name in names]
    assert sorted(names) == sorted(synonyms(entity))
    assert not {*map(fold_label, own)} & {*names}


def test_a_header_of_any_size_is_looked_through_in_part():
    headers = [f"Column {n}" for n in range(100_000)]
    assert column_hints([*headers, "Surname"], ["last_name"], "contacts") == {}
    assert column_hints(["Surname", *headers], ["last_name"], "contacts") == {"Surname": "last_name"}


# --- where it is told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("first_name,last_name,Email Address", "'Email Address' may be meant for 'email'."),
        ("Vorname,Surname,email", "'Vorname' may be meant for 'first_name'. 'Surname' may be meant for 'last_name'."),
        ("first_name,last_name,Phnoe", None),
    ],
)
@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_missing_column_says_what_may_be_meant(api, header, sentence, to):
    status, detail = problem(api.post_file("contacts", f"{header}\nA,B,c\n", to=to))
    assert status == 400
    assert detail.startswith("Required column")
    assert detail.endswith(sentence) if sentence else "may be meant" not in detail


@pytest.mark.django_db(transaction=True)
def test_a_run_and_a_plan_have_the_hints(api):
    content = "first_name,last_name,email,Cell,Phnoe,Shoe size\nA,B,a@example.com,1,2,3\n"
    plan = api.plan("contacts", content)
    assert plan["ignoredColumns"] == ["Cell", "Phnoe", "Shoe size"]
    assert plan["columnHints"] == {"Cell": "mobile", "Phnoe": "phone"}
    api.import_csv("contacts", content)
    done = api.look("imports?status=done")["results"][0]
    assert api.look(f"imports/{done['id']}")["columnHints"] == plan["columnHints"]


@pytest.mark.django_db(transaction=True)
def test_without_unknown_columns_there_are_no_hints(api):
    plan = api.plan("contacts", "first_name,last_name,email\nA,B,a@example.com\n")
    assert (plan["ignoredColumns"], plan["columnHints"]) == ([], {})
