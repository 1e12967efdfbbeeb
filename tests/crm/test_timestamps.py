import datetime as dt

from crm.timestamps import timestamp


def test_a_timestamp_is_in_utc_to_the_second():
    zone = dt.timezone(dt.timedelta(hours=2))
    assert timestamp(dt.datetime(2025, 6, 15, 16, 30, 5, 999_999, tzinfo=zone)) == "2025-06-15T14:30:05Z"


def test_no_time_is_no_timestamp():
    assert timestamp(None) is None
