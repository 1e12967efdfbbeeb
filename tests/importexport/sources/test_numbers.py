"""Numbers of other programs: read with the decimal separator that a column proves."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.sources.numbers import DecimalProof, percent, plain


def proof_of(*cells):
    proof = DecimalProof()
    proof.add(range(2, 2 + len(cells)), cells)
    return proof


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["1.234,50", "1.234"], "comma"),
        (["1,234.50", "1,234"], "point"),
        (["12,5"], "comma"),
        (["1,234,567"], "point"),
        (["1'234.50"], "point"),
        (["12.5", "€ 3"], "point"),
        (["1,23,456"], "point"),
        (["1200", "", "n/a"], ""),
    ],
)
def test_the_separator_is_what_every_cell_allows_and_one_proves(cells, separator):
    assert proof_of(*cells).way == separator


@pytest.mark.parametrize("cell", ["1.234", "1,234", "12,345"])
def test_where_no_cell_decides_nothing_is_guessed(cell):
    proof = proof_of("5", cell)
    assert proof.way is None
    assert proof.examples == [(3, cell)]


def test_cells_that_contradict_each_other_prove_nothing():
    proof = proof_of("1.234,50", "1,234.50")
    assert proof.way is None
    assert proof.is_contradictory


@pytest.mark.parametrize(
    ("cell", "separator", "meant"),
    [
        ("1.234,50", "comma", "1234.50"),
        ("1,234.50", "point", "1234.50"),
        ("1'234.50", "point", "1234.50"),
        ("1\u202f234,50 €", "comma", "1234.50"),
        ("$5", "", "5"),
        ("US$ 1,200.00", "point", "1200.00"),
        ("EUR 12,5", "comma", "12.5"),
        ("(5.00)", "point", "-5.00"),
        ("Rs. 1,23,456.00", "point", "123456.00"),
        ("12,34,56,789", "point", "123456789"),
        ("-3.5", "point", "-3.5"),
        ("1.2E+07", "", "12000000"),
        ("007", "", "007"),
    ],
)
def test_a_number_is_written_plainly(cell, separator, meant):
    assert plain(cell, separator=separator) == meant


@pytest.mark.parametrize(
    "cell",
    ["4.47912E+11", "1,2,3", "123,45,678", "1,23,45", "12abc", "20%", "--5", "1.234,50,1", "NaN", "12 MIO", "5 PCS"],
)
def test_a_cell_that_is_no_such_number_is_left_to_the_column(cell):
    assert plain(cell, separator="point") == cell


def test_a_per_cent_sign_is_expected_where_the_column_is_in_per_cent():
    assert plain("20 %", is_percent=True) == "20"


@pytest.mark.parametrize(("cell", "meant"), [("0.2", "20"), ("1", "100"), ("0", "0"), ("0.285", "28.5"), ("20", "20")])
def test_a_fraction_becomes_per_cent(cell, meant):
    assert percent(cell) == meant


@given(st.decimals(min_value=0, max_value=10**12, places=2), st.sampled_from(["point", "comma"]))
def test_a_number_written_with_separators_is_read_with_them(number, separator):
    text = f"{number:,.2f}"
    if separator == "comma":
        text = text.translate({ord(","): ".", ord("."): ","})
    assert Decimal(plain(text, separator=separator)) == number
    assert proof_of(text).way == separator
