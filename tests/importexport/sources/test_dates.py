"""Dates of other programs: read in the order that a column proves, never in the likelier one."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.sources.dates import DateProof, iso, joined_time


def proof_of(*cells):
    proof = DateProof()
    proof.add(range(2, 2 + len(cells)), cells)
    return proof


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["15/06/2025", "03/04/2025"], "dmy"),
        (["03/04/2025", "06/15/2025"], "mdy"),
        (["15.6.2025"], "dmy"),
        (["12-31-2025 2:05 PM"], "mdy"),
        (["2025-06-15", "2025/06/15", "28 Sep 2025", "", "soon"], ""),
        (["05/05/2025", "1/1/2024"], ""),
    ],
)
def test_the_order_is_what_every_cell_allows_and_one_proves(cells, order):
    assert proof_of(*cells).way == order


def test_where_no_cell_decides_nothing_is_guessed():
    proof = proof_of("03/04/2025", "05/05/2025", "01/02/2025")
    assert proof.way is None
    assert proof.examples == [(2, "03/04/2025"), (4, "01/02/2025")]


def test_cells_that_contradict_each_other_prove_nothing():
    proof = proof_of("31/12/2025", "12/31/2025")
    assert proof.way is None
    assert proof.is_contradictory
    assert sorted(proof.excluded_by.values()) == [(2, "31/12/2025"), (3, "12/31/2025")]


@pytest.mark.parametrize(
    ("cell", "order", "meant"),
    [
        ("3/4/2025", "dmy", "2025-04-03"),
        ("3/4/2025", "mdy", "2025-03-04"),
        ("3/4/2025 9:14", "mdy", "2025-03-04T09:14:00"),
        ("3/4/2025 12:00 AM", "mdy", "2025-03-04T00:00:00"),
        ("3/4/2025, 1:05:09 pm", "dmy", "2025-04-03T13:05:09"),
        ("2025/06/15", "mdy", "2025-06-15"),
        ("28 Sep 2025", "", "2025-09-28"),
        ("Sun, September 28, 2025", "", "2025-09-28"),
        ("0/0/00", "", ""),
        ("00/00/0000", "dmy", ""),
        ("4/13/2025, 5:00:00\u202fPM", "mdy", "2025-04-13T17:00:00"),
        ("3.\u00a0März 2026", "", "2026-03-03"),
        ("2026. 4. 3.", "", "2026-04-03"),
        ("3. 4. 2026 14:30", "dmy", "2026-04-03T14:30:00"),
        ("2026年4月3日", "", "2026-04-03"),
        ("2026년 4월 3일", "", "2026-04-03"),
        ("3. März 2026", "", "2026-03-03"),
        ("15. Okt. 2026", "", "2026-10-15"),
        ("1 août 2026 09:00", "", "2026-08-01T09:00:00"),
        ("3 de abril de 2026", "", "2026-04-03"),
        ("03-set-2026", "", "2026-09-03"),
    ],
)
def test_a_date_is_written_in_iso_8601(cell, order, meant):
    assert iso(cell, order=order) == meant


@pytest.mark.parametrize(
    "cell",
    ["2025-06-15T14:30:00+0200", "31/12/25", "13/13/2025", "30/02/2025", "soon", "3/4/2025 25:xx", "Foo 3, 2025"],
)
def test_a_cell_that_is_no_such_date_is_left_to_the_column(cell):
    assert iso(cell, order="dmy") == cell


@given(st.dates(min_value=dt.date(1, 1, 1)), st.sampled_from(["dmy", "mdy"]), st.sampled_from("/.-"))
def test_a_date_written_in_an_order_is_read_in_it(date, order, separator):
    parts = {"d": f"{date.day:02}", "m": f"{date.month:02}", "y": f"{date.year:04}"}
    assert iso(separator.join(parts[one] for one in order), order=order) == date.isoformat()


@given(st.lists(st.dates(min_value=dt.date(1900, 1, 1)), min_size=1, max_size=8))
def test_the_order_in_which_a_column_was_written_is_never_excluded(dates):
    proof = proof_of(*(f"{date.day}/{date.month}/{date.year}" for date in dates))
    assert "dmy" in proof.possible
    assert proof.way in ("dmy", "", None)


@pytest.mark.parametrize(
    ("date", "time", "moment"),
    [
        ("2025-04-03", "14:30", "2025-04-03T14:30:00"),
        ("2025-04-03T00:00:00Z", "2:30 PM", "2025-04-03T14:30:00"),
        ("03/04/2025", "2:30 PM", "03/04/2025T14:30:00"),
        ("2025-04-03", "soon", "2025-04-03 soon"),
        ("", "14:30", ""),
        ("2025-04-03", "", ""),
    ],
)
def test_a_time_of_day_is_joined_to_its_date_which_is_never_guessed(date, time, moment):
    assert joined_time(date, time) == moment
