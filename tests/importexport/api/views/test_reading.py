"""What a file would be read as, told before anything is stored."""

import json

import pytest

from crm.models import Company, Contact
from importexport.api.openapi import readings
from importexport.models import ImportRun
from tests.support.api import Api, Upload, problem
from tests.support.lookalikes import file_of_two_programs
from tests.support.workbooks import made

pytestmark = pytest.mark.django_db

TWO_PROGRAMS = file_of_two_programs("contacts")
DEALS = "Deal Name;Amount;Close Date\nAlpha;1.234;03/04/2025\nBeta;5;04/03/2025\n"


@pytest.fixture
def api(tenant):
    return Api(tenant)


def read(api, entity, content, **options):
    """Return what a file would be read as."""
    path = f"/api/v1/importexport/{entity}/read"
    response = api.client.post(path, {"file": upload(content), **options})
    assert response.status_code == 200, response.content
    return response.json()


def upload(content):
    return Upload("a.csv", content if isinstance(content, bytes) else content.encode())


def refusal(api, entity, content, **options):
    """Return the status and detail of a file that cannot be read."""
    return problem(api.client.post(f"/api/v1/importexport/{entity}/read", {"file": upload(content), **options}))


def columns(proposal):
    return {column["header"]: column["column"] for column in proposal["reading"]["columns"]}


def asked(proposal):
    return [(question["code"], question["option"], question["values"]) for question in proposal["questions"]]


# --- what is told --------------------------------------------------------------------------------------------


def test_the_example_of_the_description_is_what_its_file_gives(api):
    offered = readings.EXAMPLE["offered"]
    found = read(api, "contacts", readings.FILE, source="hubspot", mapping=readings.MAPPING)
    assert found | {"offered": offered} == readings.EXAMPLE


def test_nothing_is_stored(api):
    read(api, "contacts", readings.FILE, source="hubspot")
    assert (Contact.objects.count(), Company.objects.count(), ImportRun.objects.count()) == (0, 0, 0)


def test_three_different_cells_of_a_header_are_shown_and_all_filled_ones_counted(api):
    rows = "".join(f"Ada,Example,a{n}@alpha.example,{'Berlin' if n % 2 else ' '}\n" for n in range(5000))
    first, _last, email, city = read(api, "contacts", f"first_name,last_name,email,city\n{rows}")["headers"]
    assert first == {
        "header": "first_name",
        "filled": 5000,
        "samples": [{"cell": "Ada", "becomes": {"first_name": "Ada"}}],
    }
    assert [sample["cell"] for sample in email["samples"]] == [f"a{n}@alpha.example" for n in range(3)]
    assert (city["filled"], [sample["cell"] for sample in city["samples"]]) == (2500, ["Berlin"])


def test_a_cell_is_shown_with_all_that_it_becomes(api):
    found = read(
        api, "contacts", "Who,Mail\nAda van Example,a@alpha.example\n", mapping='{"Who":"full_name","Mail":"email"}'
    )
    assert found["headers"][0]["samples"] == [
        {"cell": "Ada van Example", "becomes": {"first_name": "Ada", "last_name": "van Example"}}
    ]


def test_dates_and_numbers_are_shown_as_they_are_read(api):
    found = read(api, "deals", DEALS, source="auto", dates="dmy", decimal="comma")
    shown = {header["header"]: header["samples"][0]["becomes"] for header in found["headers"]}
    assert shown["Amount"] == {"value": "1234"}
    assert shown["Close Date"] == {"expected_close_date": "2025-04-03"}


def test_long_cells_are_cut(api):
    found = read(api, "companies", f"name\n{'x' * 200}\n")
    assert found["headers"][0]["samples"] == [{"cell": "x" * 100, "becomes": {"name": "x" * 100}}]


def test_lines_above_the_header_are_told(api):
    found = read(api, "companies", "Report\n\nname\tcity\tcountry\nAcme\tRome\tIT\n", source="auto")
    assert (found["reading"]["headerRow"], found["delimiter"], found["totalRows"]) == (3, "\t", 1)


def test_a_file_of_ours_is_read_as_ours(api):
    found = read(api, "companies", "name,city\nAcme,Rome\n")
    assert found["reading"]["source"] == "rally"
    assert columns(found) == {"name": "name", "city": "city"}
    assert found["questions"] == []


def test_the_options_may_be_in_the_query(api):
    response = api.post_file("contacts", readings.FILE, to="read", query="source=hubspot")
    assert response.json()["reading"]["source"] == "hubspot"


# --- what is undecided ---------------------------------------------------------------------------------------


def test_all_that_is_undecided_is_asked_at_once_with_what_answers_it(api):
    found = read(api, "deals", DEALS, source="auto")
    assert asked(found) == [
        ("dates_undecided", "dates", ["dmy", "mdy", "ymd"]),
        ("decimals_undecided", "decimal", ["point", "comma"]),
    ]
    assert [question["headers"] for question in found["questions"]] == [["Close Date"], ["Amount"]]
    assert (
        found["questions"][0]["message"] == problem(api.post_file("deals", DEALS, query="source=auto&decimal=comma"))[1]
    )


def test_what_is_undecided_stays_as_it_is(api):
    shown = {header["header"]: header["samples"][0] for header in read(api, "deals", DEALS, source="auto")["headers"]}
    assert shown["Amount"] == {"cell": "1.234", "becomes": {"value": "1.234"}}
    assert shown["Close Date"] == {"cell": "03/04/2025", "becomes": {"expected_close_date": "03/04/2025"}}


@pytest.mark.parametrize(("option", "value"), [("dates", "dmy"), ("decimal", "comma")])
def test_an_answer_is_no_question_any_more(api, option, value):
    options = [option for _, option, _ in asked(read(api, "deals", DEALS, source="auto", **{option: value}))]
    assert option not in options
    assert len(options) == 1


def test_dates_that_contradict_each_other_are_asked_about(api):
    file = "Deal Name,Close Date\nA,13/04/2025\nB,04/13/2025\n"
    (question,) = read(api, "deals", file, source="auto")["questions"]
    assert question["message"] == (
        "In 'Close Date', some cells contradict others about day and month: row 2 has '13/04/2025', row 3 has"
        " '04/13/2025'. Say with dates=dmy, dates=mdy or dates=ymd how the file writes its dates."
    )


def test_the_currency_beside_an_amount_is_shown(api):
    amount = read(api, "deals", "name,value\nA,€ 5.50\n", source="auto")["headers"][1]
    assert amount["samples"] == [{"cell": "€ 5.50", "becomes": {"value": "5.50", "currency": "EUR"}}]


def test_two_headers_for_one_column_are_asked_about(api):
    file = "first_name,last_name,email,E-Mail\nAda,Example,a@alpha.example,b@alpha.example\n"
    (question,) = read(api, "contacts", file)["questions"]
    assert (question["code"], question["option"]) == ("two_headers", "mapping")
    assert (question["headers"], question["columns"]) == (["email", "E-Mail"], ["email"])
    assert question["values"] == ['{"E-Mail": null}', '{"email": null}']


def test_a_required_column_that_is_missing_is_asked_about(api):
    (question,) = read(api, "contacts", "Nick,Mail\nAda,a@alpha.example\n", mapping='{"Mail": "email"}')["questions"]
    assert (question["code"], question["option"], question["values"]) == ("missing_column", "mapping", [])
    assert question["columns"] == ["first_name", "last_name"]


def test_the_records_of_another_entity_are_asked_about(api):
    file = "Deal Name,Deal Stage,Pipeline,Amount,Close Date,Deal owner\nA,Won,Sales,5,2025-01-02,Sam\n"
    found = read(api, "contacts", file, source="auto")
    assert ("other_entity", "entity", ["deals"]) in asked(found)


def test_a_file_that_two_programs_may_have_written_is_asked_about(api):
    refused = api.post_file("contacts", TWO_PROGRAMS, query="source=auto")
    found = read(api, "contacts", TWO_PROGRAMS, source="auto")
    (question,) = [question for question in found["questions"] if question["code"] == "source_unclear"]
    assert question["message"] == problem(refused)[1]
    assert question["option"] == "source"
    for source in question["values"]:
        assert "source_unclear" not in {code for code, *_ in asked(read(api, "contacts", TWO_PROGRAMS, source=source))}


@pytest.mark.parametrize("above", [0, 4000])
def test_a_file_that_is_not_utf8_is_shown_in_the_encoding_that_is_offered(api, above):
    rows = "".join(f"Company {n},\n" for n in range(above))
    file = f"name,city\n{rows}Acme,Orléans\n".encode("cp1252")
    found = read(api, "companies", file)
    assert asked(found) == [("not_utf8", "encoding", ["windows-1252"])]
    assert found["reading"]["encoding"] == "windows-1252"
    assert found["headers"][1]["samples"] == [{"cell": "Orléans", "becomes": {"city": "Orléans"}}]
    assert asked(read(api, "companies", file, encoding="windows-1252")) == []


@pytest.mark.parametrize("above", [0, 4000])
def test_an_import_by_a_source_offers_the_encoding_wherever_the_byte_is(api, above):
    rows = "".join(f"Company {n},\n" for n in range(above))
    file = f"name,city\n{rows}Acme,Orléans\n".encode("cp1252")
    status, detail = problem(api.post_file("companies", file, query="source=auto"))
    assert status == 400
    assert "In Windows-1252 it reads 'Orléans': if that is right, import it with encoding=windows-1252" in detail


def test_the_sheets_of_a_workbook_that_have_rows_are_asked_about(api):
    file = made(Small=[["name"], ["Acme"]], Empty=[], Large=[["name"], ["Globex"]])
    found = read(api, "companies", file)
    assert asked(found) == [("several_sheets", "sheet", ["Small", "Large"])]
    assert (found["reading"]["sheet"], found["delimiter"]) == ("Small", None)
    assert read(api, "companies", file, sheet="Large")["headers"][0]["samples"][0]["cell"] == "Globex"


# --- what cannot be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options", "detail"),
    [
        ("", {}, "The file is empty."),
        ("name,city\nAcme,Rome\n", {"source": "dbase"}, "Unknown source 'dbase'. Expected one of: rally, auto, act,"),
        ("name,city\nAcme,Rome\n", {"mapping": '{"Town": "city"}'}, "The mapping names a header that the file does not have: 'Town'. The file has 'name', 'city'."),
        ("name,city\nAcme,Rome\n", {"mapping": '{"city": "town"}'}, "'mapping' gives 'city' to 'town', which is no column. Expected null or one of: name,"),
        ("name,city\nAcme,Rome\n", {"mapping": "{"}, "'mapping' is not JSON: Expecting property name enclosed in double quotes at character 2."),
        ("name,city\nAcme,Rome\n", {"mapping": "[]"}, "'mapping' must be a JSON object."),
        ("name,city\nAcme,Rome\n", {"mapping": '{"city": "city", "city": null}'}, "'mapping' names 'city' twice."),
        ("name,city\nAcme,Rome\n", {"mapping": '{"name": "name", "city": "name"}'}, "'mapping' gives both 'name' and 'city' to 'name'."),
        ("name,city\nAcme,Rome\n", {"values": '{"town": {}}'}, "'values' names 'town'. Expected one of: name,"),
        ("name,city\nAcme,Rome\n", {"mapping": "@none"}, "There is no saved mapping 'none' for companies. None is saved."),
        ("name,city\nAcme,Orl\xe9ans\n".encode("cp1252"), {"encoding": "utf-16"}, "The file is not utf-16:"),
        ("name,city\nAcme,Rome\n", {"dry_run": "true"}, "'dry_run' means nothing here: no records are stored."),
        ('name,city\n"Acme,Rome\n', {}, "Broken quoting in row 2:"),
        ("Email\na@alpha.example\n", {"source": "linkedin"}, "LinkedIn has no export of companies that is known here."),
    ],
)  # fmt: skip
def test_what_no_answer_mends_is_refused(api, content, options, detail):
    status, found = refusal(api, "companies", content, **options)
    assert status == 400
    assert found.startswith(detail)


def test_reading_takes_a_key_that_may_write(tenant):
    response = Api(tenant, scope="read").post_file("contacts", readings.FILE, to="read")
    assert problem(response)[0] == 403


def test_a_misspelt_date_order_rejects_rows_and_not_the_file(api):
    file = "name,expected_close_date\nAlpha,12/31/2025\n"
    assert api.import_csv("deals", file, "dates=dmy")["errors"] == [
        "Row 2: Invalid date format in 'expected_close_date'"
    ]


def test_the_cells_of_the_answer_are_those_of_a_plan(api):
    assert json.dumps(read(api, "contacts", readings.FILE, source="hubspot")).count("ada@alpha.example") == 2
