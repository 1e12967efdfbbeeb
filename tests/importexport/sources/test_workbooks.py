"""Workbooks of other programs: the header below a title, dates as dates and as texts, errors, several sheets."""

import datetime as dt
import io
import json
from urllib.parse import urlencode

import openpyxl
import pytest

from tests.support.api import Api, problem
from tests.support.workbooks import made, saved

pytestmark = pytest.mark.django_db

MAPPING = json.dumps({"Geschäft": "name", "Summe": "value", "Abschluss": "expected_close_date", "Rest": None})
HEADER = ["Geschäft", "Summe", "Abschluss", "Rest"]
TYPED, AS_TEXT = dt.date(2025, 6, 15), "15.06.2025"


def deals(*dates, above=()):
    """Return a workbook with a deal per date."""
    rows = [[f"Deal {number}", 1234.5, date, "x"] for number, date in enumerate(dates, 1)]
    return made(Notes=[["Only to look at"]], Deals=[*above, HEADER, *rows])


def bring(api, content, **options):
    """Import deals by the mapping; return the response."""
    given = {"source": "auto", "mapping": MAPPING, "sheet": "Deals"} | options
    return api.post_file("deals", content, query=urlencode({name: value for name, value in given.items() if value}))


def dates_of(api):
    return [row["expected_close_date"] for row in api.rows("deals")]


@pytest.fixture
def api(tenant):
    return Api(tenant)


def test_rows_below_a_title_keep_the_numbers_of_the_spreadsheet(api):
    content = deals(TYPED, "soon", above=[["Our deals"], [], ["as of June"]])
    result = bring(api, content, formats="strict").json()
    assert (result["imported"], [message.partition(":")[0] for message in result["errors"]]) == (1, ["Row 6"])
    assert dates_of(api) == ["2025-06-15"]


def test_dates_are_read_as_dates_and_as_texts(api):
    result = bring(api, deals(TYPED, AS_TEXT, dt.datetime(2025, 6, 16)), formats="detect").json()
    assert result["errors"] == []
    assert dates_of(api) == ["2025-06-15", "2025-06-15", "2025-06-16"]


def test_texts_that_do_not_decide_which_date_they_are_become_a_question(api):
    content = deals(TYPED, "03/04/2025")
    status, detail = problem(bring(api, content, formats="detect"))
    assert status == 400
    assert "dates=dmy" in detail
    assert bring(api, content, formats="detect", dates="dmy").json()["imported"] == 2
    assert dates_of(api) == ["2025-06-15", "2025-04-03"]


def test_error_cells_reject_their_rows(api):
    result = bring(api, deals(TYPED, "#N/A")).json()
    assert (result["imported"], result["errors"]) == (
        1,
        ["Row 3: Spreadsheet error value '#N/A' in 'expected_close_date'"],
    )


@pytest.mark.parametrize("source", ["rally", "auto"])
def test_of_several_sheets_one_must_be_named(api, source):
    status, detail = problem(bring(api, deals(TYPED), source=source, sheet=None))
    assert status == 400
    assert "Several sheets have rows: 'Notes', 'Deals'. Name one as 'sheet'." in detail


def test_a_number_is_shown_as_it_is_and_stays_one_in_the_rejected_rows(api):
    content = made(["name", "annual_revenue"], ["A", 1.125])
    api.post_file("companies", content)
    run = api.look("imports")["results"][0]["id"]
    (row,) = api.look(f"imports/{run}/rows")["results"]
    assert (row["cells"], row["errors"][0]["value"]) == (["A", "1.125"], "1.125")
    for kind in ("csv", "xlsx"):
        rejected = api.get(f"imports/{run}/rejected?format={kind}").getvalue()
        result = api.post_file("companies", rejected, query="decimal=comma").json()
        assert result["errors"] == ["Row 2: Invalid number format in 'annual_revenue'"]


@pytest.mark.parametrize("options", [{}, {"decimal": "comma"}])
def test_numbers_are_numbers_whatever_the_texts_beside_them_prove(api, options):
    companies = made(["name", "annual_revenue"], ["A", 1.125], ["B", "1.234,50"], ["C", 12.345], ["D", 7])
    result = api.post_file("companies", companies, query=urlencode({"formats": "detect"} | options)).json()
    assert result["errors"] == [f"Row {row}: Invalid number format in 'annual_revenue'" for row in (2, 4)]
    assert [row["annual_revenue"] for row in api.rows("companies")] == ["1234.50", "7.00"]


def test_numbers_alone_need_no_proof(api):
    contacts = made(["first_name", "last_name", "email", "notes"], ["A", "B", "a@x.example", 1.125])
    assert api.post_file("contacts", contacts, query="formats=detect").json()["imported"] == 1
    assert [row["notes"] for row in api.rows("contacts")] == ["1.125"]
    deals = made(["Deal Name", "Deal probability", "Amount"], ["A", 0.125, 0.5], ["B", 0.25, "1.234,50"])
    assert api.post_file("deals", deals, query="source=hubspot&decimal=comma").json()["imported"] == 1
    assert [(row["probability"], row["value"]) for row in api.rows("deals")] == [("25", "1234.50")]


def test_a_static_worksheet_of_dynamics_comes_in_as_it_is(api):
    """Its first columns are hidden in a spreadsheet, and so is a sheet for its way back."""
    opportunities = [
        ["(Do Not Modify) Opportunity", "(Do Not Modify) Row Checksum", "Topic", "Est. revenue", "Est. close date"],
        ["6ae3-1", "abc==", "Renewal", 1234.5, TYPED],
        ["6ae3-2", "def==", "Renewal", 99, TYPED],
    ]
    book = openpyxl.load_workbook(io.BytesIO(made(Opportunities=opportunities, hiddenSheet=[["opportunity:1"]])))
    book["hiddenSheet"].sheet_state = "veryHidden"
    result = api.post_file("deals", saved(book), query="source=dynamics365&duplicates=keep").json()
    assert result == {"totalRows": 2, "imported": 2, "skipped": 0, "errors": []}
    assert api.get("deals/export?columns=name,value,external_id").getvalue().decode().split() == [
        "name,value,external_id", "Renewal,1234.50,6ae3-1", "Renewal,99.00,6ae3-2",
    ]  # fmt: skip
