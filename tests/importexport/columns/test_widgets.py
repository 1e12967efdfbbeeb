"""Cells both ways: what is written is read back, and many at once are read as one by one."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crm.models import Activity, Contact
from crm.models.fields import CURRENCIES
from importexport.columns.cells import Cells, prepare
from importexport.columns.widgets import (
    ActivityStatus,
    Amount,
    Choice,
    Currency,
    Day,
    Email,
    Moment,
    StageProbability,
    Tags,
    Text,
    Whole,
)
from importexport.files import formula
from importexport.files.table import Batch

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]
in_any_zone = pytest.mark.parametrize("zone", ZONES)

FORBIDDEN_IN_TEXT = "\r\ufffe\uffff"
#: Text as it is stored: what is in no cell is not here.
CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters=FORBIDDEN_IN_TEXT, include_characters="\n\t"
)
SPICY = st.text(CHARACTERS | st.sampled_from("'=+-@\"\\,; {}%_0123456789.()"), max_size=12)
TEXTS = SPICY.map(lambda text: prepare([text])[0])
DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(dt.UTC))
AMOUNTS = st.integers(0, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))
TAG_LISTS = st.lists(TEXTS.filter(lambda tag: tag and "," not in tag), unique=True, max_size=4).filter(
    lambda tags: prepare([",".join(tags)]) == [",".join(tags)]
)


def cell_of(widget, value):
    """Return what an import reads where an export has written a value."""
    text = widget.render(value)
    if widget.kind == "text":
        text = formula.mark(text)
    (prepared,) = prepare([text])
    return prepared


def assert_comes_back(widget, value):
    assert widget.clean(cell_of(widget, value)) == value


def in_zone(widget, zone):
    widget.zone = ZoneInfo(zone)
    return widget


# --- there and back --------------------------------------------------------------------------------------------


@given(value=TEXTS)
def test_a_text_comes_back(value):
    assert_comes_back(Text(100), value)


@pytest.mark.parametrize(
    "value",
    ["ada@example.com", "o'neil+x@sub.example.co.uk", "'a@example.com", "-a@example.com", "=a@example.com",
     '"a-b"@example.com', "a@bücher.example", "a@xn--bcher-kva.example"],
)  # fmt: skip
def test_an_address_comes_back(value):
    assert_comes_back(Email(254), value)


@given(value=st.emails())
def test_any_address_that_is_taken_comes_back(value):
    assume(is_storable(Email(254), value))
    assert_comes_back(Email(254), value)


def is_storable(widget, text):
    try:
        return widget.clean(text) == text
    except ValueError:
        return False


@pytest.mark.parametrize(
    "field",
    [Contact._meta.get_field("lifecycle_stage"), Activity._meta.get_field("activity_type"),
     Activity._meta.get_field("status"), Activity._meta.get_field("priority")],
    ids=lambda field: field.name,
)  # fmt: skip
def test_every_choice_comes_back(field):
    for widget in (Choice.for_field(field), ActivityStatus.for_field(field)):
        for value, _label in field.flatchoices:
            assert_comes_back(widget, value)


def test_every_currency_comes_back():
    for code in sorted(CURRENCIES):
        assert_comes_back(Currency(), code)


@given(value=st.none() | st.integers(0, 2**63 - 1))
def test_a_whole_number_comes_back(value):
    assert_comes_back(Whole(2**63 - 1), value)


@given(value=st.none() | st.integers(0, 100))
def test_a_probability_comes_back(value):
    assert_comes_back(StageProbability(100), value)


@given(value=st.none() | AMOUNTS)
def test_an_amount_comes_back(value):
    assert_comes_back(Amount(16), value)


@in_any_zone
@given(value=st.none() | DATES)
@example(dt.date(1, 1, 1))
@example(dt.date(9999, 12, 31))
@example(dt.date(2011, 12, 30))  # A day that Apia skipped.
def test_a_date_comes_back(zone, value):
    assert_comes_back(in_zone(Day(), zone), value)


@in_any_zone
@given(value=st.none() | MOMENTS)
@example(dt.datetime(1, 1, 1, tzinfo=dt.UTC))
@example(dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC))
@example(dt.datetime(2025, 10, 26, 1, 30, tzinfo=dt.UTC))  # The second 02:30 of Berlin.
@example(dt.datetime(2025, 1, 1, 0, 0, 0, 120000, tzinfo=dt.UTC))
def test_a_time_comes_back(zone, value):
    assert_comes_back(in_zone(Moment(), zone), value)


@given(value=TAG_LISTS)
def test_tags_come_back(value):
    assert_comes_back(Tags(50), value)


# --- many at once ----------------------------------------------------------------------------------------------

ANYTHING = st.text(max_size=14) | SPICY
SHORT = st.text(st.sampled_from("ab,é \x07\x85\u2028\ud800\ufffe"), max_size=6)
NUMBERS = st.from_regex(r"[+-]?0{0,3}[0-9]{0,20}(\.[0-9]{0,3})?", fullmatch=True)
TIMES = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,8})?)?(Z|[+-][0-2][0-9](:?[0-5][0-9])?)?)?",
    fullmatch=True,
)
ADDRESSES = st.emails() | st.text(st.sampled_from("aB1.-_+@ \x07ü"), max_size=14) | st.just("a@" + "b." * 130 + "com")


def columns_of(*cells):
    return st.lists(st.one_of(st.just(""), ANYTHING, *cells).map(lambda text: prepare([text])[0]), max_size=6)


@pytest.mark.parametrize(
    ("widget", "cells"),
    [
        (Text(4), SHORT),
        (Email(254), ADDRESSES),
        (Choice(["lead", "closed_won"]), st.sampled_from(["LEAD", "le ad", "Closed Won", "closed-won", "won", "-", "ſ"])),
        (Choice(["low", "normal"], blank="normal"), st.sampled_from(["Low", "l_o_w", "high"])),
        (Currency(), st.sampled_from(["EUR", "eur", "e ur", "DEM", "ﬀ"])),
        (Whole(100), NUMBERS),
        (Whole(2**63 - 1), NUMBERS),
        (StageProbability(100), NUMBERS),
        (Amount(16), NUMBERS),
        (in_zone(Day(), "Europe/Berlin"), TIMES),
        (in_zone(Moment(), "Europe/Berlin"), TIMES),
        (in_zone(Moment(), "America/New_York"), TIMES),
        (Tags(3), SHORT),
        (ActivityStatus(["pending", "completed"], blank="pending"), st.sampled_from(["PENDING", "done"])),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, st.SearchStrategy) else "",
)  # fmt: skip
@given(data=st.data())
def test_a_column_is_read_like_its_cells(widget, cells, data):
    values = data.draw(columns_of(cells))
    stored, wrong = widget.clean_column(values, column="x")
    assert len(stored) == len(values)
    for position, value in enumerate(values):
        try:
            clean = widget.clean(value, column="x")
        except ValueError as error:
            assert wrong[position] == str(error)
        else:
            assert position not in wrong
            assert stored[position] == (None if clean is None else widget.store(clean))


def cells_of(**columns):
    (count,) = {len(values) for values in columns.values()}
    return Cells(Batch(list(range(count)), [[]] * count, columns))


def test_a_blank_status_is_completed_where_the_row_says_when():
    cells = cells_of(status=["", "", "cancelled", "odd"], completed_at=["2025-01-01", "", "2025-01-01", ""])
    cells.stored["completed_at"], _ = Moment().clean_cells(cells, "completed_at")
    stored, wrong = ActivityStatus.for_field(Activity._meta.get_field("status")).clean_cells(cells, "status")
    assert stored[:3] == ["completed", "pending", "cancelled"]
    assert wrong == {3: "Invalid status value 'odd'"}


def test_a_blank_probability_is_that_of_the_stage():
    cells = cells_of(probability=["", "30", "x"])
    cells.stage_probabilities = ["75", "75", "75"]
    stored, wrong = StageProbability(100).clean_cells(cells, "probability")
    assert stored[:2] == ["75", "30"]
    assert wrong == {2: "Invalid number format in 'probability'"}


# --- the formula mark, and SQL ---------------------------------------------------------------------------------

MARKABLE = (
    st.text(st.sampled_from("'=+-@\t\r\n 0123456789.()x٣"), max_size=6)
    | st.builds(
        "{}{}".format, st.sampled_from(["", "'", "''", " "]), st.sampled_from(["#N/A", "#ref!", "#NAME?", "#N"])
    )
    | st.text(st.sampled_from("'=\"a"), max_size=6).map('="{}"'.format)
    | SPICY
)


@given(text=MARKABLE)
def test_a_mark_comes_off_again(text):
    assert formula.unmark(formula.mark(text)) == text


@given(text=MARKABLE)
def test_what_a_spreadsheet_would_run_is_marked(text):
    shown = formula.mark(text)
    assert not shown.startswith(("=", "@", "\t", "\r"))
    assert not formula.is_error_value(shown)
    if shown[:1] in ("+", "-"):
        assert set(shown) <= set("+-0123456789 ().")


@given(texts=st.lists(MARKABLE, max_size=4))
def test_a_column_is_unmarked_like_its_cells(texts):
    assert list(formula.unmark_column(texts)) == [formula.unmark(text) for text in texts]


def in_sql(sql, values, type):
    """Return what SQL around a stored value makes of values; for NULL, what COPY writes: nothing."""
    query = f"SELECT {sql.format('v')} FROM unnest(%s::{type}) WITH ORDINALITY AS t (v, n) ORDER BY n"
    with connection.cursor() as cursor:
        cursor.execute(query, [values])
        return ["" if text is None else str(text) for (text,) in cursor]


few_queries = hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few_queries
@given(texts=st.lists(MARKABLE, min_size=5, max_size=30))
@example(["''=x", "'''+5", "''a", "-5", "-5x", "-5.5.5", "+1 (2)", "+", "'\\t"])
@example([*formula.ERROR_VALUES, "#nv", "'#N/A", "#N/A x"])
def test_sql_marks_like_python(db, texts):
    assert in_sql(formula.MARK_SQL, texts, "text[]") == [formula.mark(text) for text in texts]


@few_queries
@given(dates=st.lists(st.none() | DATES, min_size=5, max_size=20))
def test_sql_renders_dates_like_python(db, dates):
    assert in_sql(Day.sql, dates, "date[]") == [Day().render(date) for date in dates]


@few_queries
@given(moments=st.lists(st.none() | MOMENTS, min_size=5, max_size=20))
@example([dt.datetime(2025, 1, 1, 10, 0, 0, 100, tzinfo=dt.UTC), dt.datetime(1, 1, 1, tzinfo=dt.UTC)])
def test_sql_renders_times_like_python(db, moments):
    assert in_sql(Moment.sql, moments, "timestamptz[]") == [Moment().render(moment) for moment in moments]


@few_queries
@given(amounts=st.lists(st.none() | AMOUNTS, min_size=5, max_size=20))
def test_sql_renders_amounts_like_python(db, amounts):
    assert in_sql(Amount.sql, amounts, "numeric(18,2)[]") == [Amount(16).render(amount) for amount in amounts]


@few_queries
@given(tags=TAG_LISTS)
def test_sql_renders_tags_and_takes_them_as_they_are_stored(db, tags):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {Tags.sql.format('v')}, v FROM (SELECT %s::text[] AS v) t", [Tags(50).store(tags)])
        assert cursor.fetchone() == (Tags(50).render(tags), tags)
