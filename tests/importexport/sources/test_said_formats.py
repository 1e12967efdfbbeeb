"""What a caller says about dates says nothing about numbers, and the other way round: what is left open stays strict."""

import pytest

pytestmark = pytest.mark.django_db
DEALS = 'name,value,expected_close_date\nRenewal,"1,234",03/04/2025\n'


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("decimal=point", "Row 2: Invalid date format in 'expected_close_date'"),
        ("dates=dmy", "Row 2: Invalid number format in 'value'"),
        ("source=auto&formats=strict&dates=mdy", "Row 2: Invalid number format in 'value'"),
        ("source=hubspot&formats=strict&decimal=point", "Row 2: Invalid date format in 'expected_close_date'"),
    ],
)
def test_what_nobody_has_said_is_read_strictly(api, query, error):
    result = api.import_csv("deals", DEALS, query)
    assert (result["imported"], result["errors"]) == (0, [error])
