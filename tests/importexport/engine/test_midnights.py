"""Columns whose times are all midnight are told: the program that wrote the file has probably lost the times."""

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.django_db
HEADER = "activity_type,subject,scheduled_at,completed_at\n"


def warnings(tenant, *rows):
    api = Api(tenant)
    response = api.post_file("activities", HEADER + "\n".join(rows) + "\n")
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    assert int(response["X-Import-Warnings"]) == run["warningCount"]
    return [(one["code"], one["column"], one["sentence"]) for one in run["warnings"]]


def test_times_that_are_all_midnight_are_told_once(tenant):
    found = warnings(tenant, "call,A,2025-06-15 00:00,2025-06-15T09:30:00Z", "call,B,2025-06-16T00:00:00Z,")
    assert found == [
        (
            "midnight",
            "scheduled_at",
            "All 2 times in 'scheduled_at' are 00:00:00Z: the file has probably lost the time of day",
        )
    ]


@pytest.mark.parametrize("second", ["2025-06-16 09:30", "2025-06-16", "", "soon"])
def test_one_other_time_or_a_date_without_one_says_nothing(tenant, second):
    assert warnings(tenant, "call,A,2025-06-15 00:00,", f"call,B,{second},") == []
