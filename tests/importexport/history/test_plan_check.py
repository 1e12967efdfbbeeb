"""The sentence about a plan that no longer holds."""

import pytest

from importexport.history.plan_check import PlanChanged, sentence

DIFFERENCE = "Row 4 was to leave record 17 as it is; now: create a record"


@pytest.mark.parametrize(("count", "more"), [(1, ""), (2, " And 1 more row."), (3, " And 2 more rows.")])
def test_rows_that_are_not_listed_are_counted(count, more):
    assert sentence(PlanChanged([DIFFERENCE], count)) == (
        f"The plan no longer holds. {DIFFERENCE}.{more} Nothing was stored; plan the file again."
    )
