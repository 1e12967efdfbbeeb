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


@pytest.mark.parametrize(("timezone", "day"), [("America/New_York", "2025-06-14"), ("Europe/Berlin", "2025-06-15")])
def test_dates_that_the_time_zone_moves_by_a_day_are_told(tenant, timezone, day):
    tenant.timezone = timezone
    tenant.save()
    api = Api(tenant)
    api.import_csv("deals", "name,expected_close_date\nA,2025-06-15T00:00:00Z\nB,2025-06-15T00:00:00.000+00:00\nC,\n")
    assert [row.get("expected_close_date", "") for row in api.rows("deals")] == [day, day, ""]
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    moved = "All 2 times in 'expected_close_date' are 00:00:00Z: in the tenant's time zone, that is the day before"
    assert [one["sentence"] for one in run["warnings"]] == ([moved] if timezone.startswith("America") else [])
