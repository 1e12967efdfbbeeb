"""Files of programs that nobody has written a table for get through with a mapping alone."""

import json
from urllib.parse import urlencode

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(tenant):
    return Api(tenant)


def bring(api, entity, content, *, mapping, **options):
    query = urlencode({"source": "auto", "mapping": json.dumps(mapping), **options})
    return api.import_csv(entity, content, query)


def test_a_french_list_in_windows_1252_with_semicolons(api):
    file = (
        "Référence;Nom complet;Adresse e-mail;Téléphone;Société;Chiffre\n"
        "C-1;Zoé Exemple;zoe@x.example;01 02 03;Société Générale d'Exemples;1 234,50\n"
        "C-2;Léa de la Tour;;06 07 08;;\n"
    ).encode("cp1252")
    result = bring(
        api,
        "contacts",
        file,
        mapping={"Référence": "external_id", "Nom complet": "full_name", "Chiffre": None},
        encoding="windows-1252",
        incomplete="accept",
        missing="create",
    )
    assert result["errors"] == []
    first, second = api.rows("contacts")
    assert (first["first_name"], first["last_name"], first["company_name"]) == (
        "Zoé", "Exemple", "Société Générale d'Exemples",
    )  # fmt: skip
    assert (second["first_name"], second["last_name"], second["phone"]) == ("Léa", "de la Tour", "06 07 08")


def test_a_german_list_of_customers_with_a_title_above_the_header(api):
    file = (
        "Kundenliste;;;\n"
        "Stand: 01.11.2026;;;\n"
        "\n"
        "Kd.-Nr.;Firmenbezeichnung;Jahresumsatz;Mitarbeiterzahl\n"
        "1001;Größe & Söhne GmbH;1.234.567,89 €;25\n"
        "1002;Beta KG;99,00 €;1.200\n"
    )
    result = bring(
        api, "companies", file, mapping={"Kd.-Nr.": "external_id", "Firmenbezeichnung": "name"}, decimal="comma"
    )
    assert result["errors"] == []
    assert [(row["name"], row["annual_revenue"], row["employee_count"]) for row in api.rows("companies")] == [
        ("Größe & Söhne GmbH", "1234567.89", "25"),
        ("Beta KG", "99.00", "1200"),
    ]


def test_a_spanish_list_of_deals_whose_dates_are_proved(api):
    file = (
        "Oportunidad,Importe,Moneda,Fecha prevista,Etapa,Situación\n"
        'Renovación,"1,200.50",Euro,15/06/2026,Propuesta,En curso\n'
        "Ampliación,99.95,US Dollar,03/04/2026,Propuesta,En curso\n"
    )
    result = bring(
        api,
        "deals",
        file,
        mapping={"Oportunidad": "name", "Fecha prevista": "expected_close_date", "Situación": None},
        values=json.dumps({"stage_name": {"Propuesta": "Proposal"}}),
    )
    assert result["errors"] == []
    assert [(r["name"], r["value"], r["currency"], r["expected_close_date"]) for r in api.rows("deals")] == [
        ("Renovación", "1200.50", "EUR", "2026-06-15"),
        ("Ampliación", "99.95", "USD", "2026-04-03"),
    ]


def test_a_log_of_calls_that_does_not_say_what_its_rows_are(api):
    file = (
        "When|What".replace("|", "\t")
        + "\tOutcome\tText\n"
        + "12/31/2025 2:05 PM\tTalked about <prices>\tspoke\t<p>Asked for &amp; got</p>\n"
    )
    result = bring(
        api,
        "activities",
        file,
        mapping={"When": "scheduled_at", "What": "subject", "Outcome": "status", "Text": "body"},
        values=json.dumps({"activity_type": {"": "call"}, "status": {"spoke": "completed"}}),
    )
    assert result["errors"] == []
    (row,) = api.rows("activities")
    assert (row["activity_type"], row["scheduled_at"], row["status"]) == ("call", "2025-12-31T14:05:00Z", "completed")


def test_a_workbook_with_several_sheets(api, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Lies mich"
    book.active.append(["Nur zur Ansicht"])
    people = book.create_sheet("Personen")
    people.append(["Vorname", "Familie", "Post", "PLZ"])
    people.append(["Ada", "Beispiel", "mailto:ada@x.example", "01067"])
    people.append(["Bo", "Muster", "Bo <bo@x.example>", 1067])
    book.save(tmp_path / "people.xlsx")
    result = bring(
        api,
        "contacts",
        (tmp_path / "people.xlsx").read_bytes(),
        mapping={"Familie": "last_name", "Post": "email"},
        sheet="Personen",
    )
    assert result["errors"] == []
    assert [(row["email"], row["last_name"], row["postal_code"]) for row in api.rows("contacts")] == [
        ("ada@x.example", "Beispiel", "01067"),
        ("bo@x.example", "Muster", "1067"),
    ]


def test_a_person_is_found_by_the_full_name_in_a_header_that_is_mapped(api):
    api.import_csv("contacts", "first_name,last_name,email\nAda,Example,ada@x.example\n")
    bring(
        api,
        "activities",
        "Art,Betreff,Wer\ncall,Intro,Ada Example\n",
        mapping={"Art": "activity_type", "Wer": "contact_name"},
    )
    (row,) = api.rows("activities")
    assert row["contact_email"] == "ada@x.example"


def test_the_name_of_such_a_column_is_no_header_of_ours(api):
    api.import_csv("activities", "activity_type,subject,contact_name\ncall,Intro,Ada Example\n")
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    assert run["ignoredCells"] == {"contact_name": 1}


def test_a_title_above_names_that_all_programs_agree_on_is_passed_over(api):
    result = bring(
        api, "contacts", "Meine Kontakte;;\n\nVorname;Nachname;E-Mail\nAda;Beispiel;a@x.example\n", mapping={}
    )
    assert (result["imported"], result["errors"]) == (1, [])


@pytest.mark.parametrize("header", ["Treść", "body"])
def test_a_body_in_html_becomes_text_whoever_wrote_it(api, header):
    file = f"Rodzaj,Temat,{header}\ncall,Oferta,<p>Ask <b>Ada</b> &amp; Bo</p>\n"
    mapping = {"Rodzaj": "activity_type", "Temat": "subject", header: "body"}
    assert bring(api, "activities", file, mapping=mapping)["errors"] == []
    assert api.rows("activities")[0]["body"] == "Ask Ada & Bo"


def test_a_body_in_html_in_a_file_of_ours_stays_as_it_is(api):
    api.import_csv("activities", "activity_type,subject,body\ncall,Oferta,<b>Ada</b>\n", "source=auto")
    assert api.rows("activities")[0]["body"] == "<b>Ada</b>"
