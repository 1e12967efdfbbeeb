"""Numbers: digits that say nothing are read over, and no other digit ever is."""

from decimal import Decimal

import pytest

from importexport.columns.widgets import Amount, StageProbability, Whole

MANY = "0" * 1_000_000


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("125.5000", "125.50"),
        ("125.000000", "125.00"),
        ("12.00", "12.00"),
        ("12.0", "12.00"),
        ("0.000", "0.00"),
        ("-0.000", "0.00"),
        ("+7.250", "7.25"),
        ("0007.50", "7.50"),
        (f"1.5{MANY}", "1.50"),
        (f"{MANY}1.5", "1.50"),
        (f"9999999999999999.99{MANY}", "9999999999999999.99"),
    ],
)
def test_zeros_after_the_second_place_say_nothing(cell, value):
    assert Amount(16).clean(cell) == Decimal(value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("12", 12), ("12.0", 12), ("12.000", 12), ("+12.0", 12), ("-0.0", 0), ("0012.0", 12), (f"{MANY}12.{MANY}", 12)],
)
@pytest.mark.parametrize("widget", [Whole(100), StageProbability(100)], ids=["whole", "probability"])
def test_a_whole_number_may_be_written_as_a_decimal(widget, cell, value):
    assert widget.clean(cell) == value


@pytest.mark.parametrize(
    "cell",
    ["5.", ".5", ".0", ".", "1.005", "1.0050", "125.50001", "1,234.50", "1.234.00", "1.00 ", "1 .0", "1.0e0", "1.٠",
     "1.00\n", "--1.0", "1.-0", f"1.{MANY}1", f"{MANY}."],
)  # fmt: skip
def test_other_forms_of_a_decimal_stay_errors(cell):
    with pytest.raises(ValueError, match=r"^Invalid number format in 'amount'$"):
        Amount(16).clean(cell, column="amount")


@pytest.mark.parametrize("cell", ["12.5", "12.01", "12.", ".0", "12,0", "1.2.0", "12.0%", "1e2", f"1.{MANY}1"])
def test_a_fraction_is_no_whole_number(cell):
    with pytest.raises(ValueError, match=r"^Invalid number format in 'count'$"):
        Whole(100).clean(cell, column="count")


@pytest.mark.parametrize(
    ("widget", "cell"),
    [(Whole(100), "101.0"), (Whole(100), "-1.0"), (Whole(100), f"1{MANY}.0"), (Amount(16), "-0.010"),
     (Amount(16), "10000000000000000.000"), (Amount(16), f"1{MANY}.00")],
)  # fmt: skip
def test_zeros_do_not_bring_a_number_into_its_range(widget, cell):
    with pytest.raises(ValueError, match=r"^Value out of range in 'count'$"):
        widget.clean(cell, column="count")


def test_an_export_writes_the_usual_two_places(api):
    api.import_csv("companies", "name,employee_count,annual_revenue\nAcme,12.0,125.5000\n")
    (row,) = api.rows("companies")
    assert (row["employee_count"], row["annual_revenue"]) == ("12", "125.50")


def test_a_corrected_row_keeps_its_number_written_as_a_decimal(api):
    """Programs that allow for blank cells in a column of numbers write it as decimals."""
    content = "first_name,last_name,email,import_row\nA,B,nobody,7.0\nA,B,nobody,1.0\n"
    assert api.errors("contacts", content) == [
        "Row 7: Invalid email format 'nobody'",
        "Row 3: Invalid email format 'nobody'; Invalid number format in 'import_row'",
    ]
