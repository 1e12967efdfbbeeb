"""Dates and times in a workbook: typed cells, which show the same time wherever they are read."""

import datetime as dt
import io
from fractions import Fraction

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.files import xlsx
from tests.importexport.files.test_xlsx import batch, by_openpyxl, typed, workbook
from tests.support.spreadsheet import shown


@given(moment=st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31, 23, 59, 59)))
def test_times_from_march_1900_on_are_times(moment):
    moment = moment.replace(microsecond=0)
    row = by_openpyxl(typed("x", "", "", moment.date().isoformat(), f"{moment.isoformat()}Z"))["contacts"][1]
    assert row[3:] == [dt.datetime.combine(moment.date(), dt.time()), moment]


@pytest.mark.parametrize(
    ("time", "number_format"),
    [
        ("2025-06-15T14:30:00Z", 'yyyy-mm-dd"T"hh:mm:ss"Z"'),
        ("2025-06-15T14:30:00.5Z", 'yyyy-mm-dd"T"hh:mm:ss.000"Z"'),
        ("2025-06-15T23:59:59.999Z", 'yyyy-mm-dd"T"hh:mm:ss.000"Z"'),
        ("2025-06-15T14:30:00.000001Z", "General"),
        ("1899-12-31T14:30:00Z", "General"),
    ],
)
def test_a_time_is_shown_whole_and_in_utc(time, number_format):
    cell = openpyxl.load_workbook(io.BytesIO(typed("", "", "", "", time))).active["E2"]
    assert cell.number_format == number_format
    assert dt.datetime.fromisoformat(shown(cell)) == dt.datetime.fromisoformat(time)


@given(moment=st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(2100, 1, 1)), places=st.sampled_from([0, 3, 6]))
def test_fractions_of_seconds_are_kept(moment, places):
    moment = moment.replace(microsecond=moment.microsecond // 10 ** (6 - places) * 10 ** (6 - places))
    data = typed("", "", "", "", f"{moment.isoformat()}Z")
    assert dt.datetime.fromisoformat(shown(openpyxl.load_workbook(io.BytesIO(data)).active["E2"])) == moment.replace(
        tzinfo=dt.UTC
    )


@given(moment=st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31, 23, 59, 59)))
def test_a_serial_number_is_the_time_to_the_microsecond(moment):
    since = dt.timedelta(microseconds=round(Fraction(xlsx.serial(moment)) * 86_400_000_000))
    assert dt.datetime(1899, 12, 30) + since == moment


def test_only_so_many_answers_about_dates_are_kept(monkeypatch):
    monkeypatch.setattr(xlsx, "KNOWN_LIMIT", 3)
    days = [dt.datetime(2025, 6, 1) + dt.timedelta(days=number % 7) for number in range(20)]
    data = workbook([batch(*([day.date().isoformat()] for day in days))], header=["day"], kinds=["date"])
    assert by_openpyxl(data)["contacts"][1:] == [[day] for day in days]


def test_a_time_that_rounds_up_to_midnight_stays_on_its_day():
    last = dt.datetime(2025, 6, 15, 23, 59, 59, 999_999)
    assert int(float(xlsx.serial(last))) == (last - dt.datetime(1899, 12, 30)).days


def test_dates_before_march_1900_are_text():
    row = by_openpyxl(typed("x", "", "", "1900-02-28", "0001-01-01T00:00:00Z"))["contacts"][1]
    assert row[3:] == ["1900-02-28", "0001-01-01T00:00:00Z"]
