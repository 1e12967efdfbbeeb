from decimal import Decimal

import pytest

from rally.dashboard.amounts import money, short


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", "0"),
        ("999.4", "999"),
        ("1000", "1.0K"),
        ("12345", "12K"),
        ("999999", "1.0M"),
        ("35400000", "35M"),
        ("83000000000", "83B"),
        ("9999999999999999", "10,000T"),
    ],
)
def test_amounts_are_short_in_charts(value, words):
    assert short(Decimal(value)) == words


def test_digits_of_amounts_are_grouped():
    assert money(Decimal("1234567.89"), "EUR") == "EUR\N{NO-BREAK SPACE}1,234,568"
