"""When schedules are due."""

import datetime as dt
import zoneinfo

import pytest

from importexport.schedules.cron import InvalidCron, check_cron, last_until, next_after, zone_of

BERLIN, UTC = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("UTC")


def at(text, zone=UTC):
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


def following(cron, start, count, zone=BERLIN):
    """Return the next occurrences after a time of the wall clock, as the wall clock shows them."""
    found, moment = [], at(start, zone)
    for _ in range(count):
        moment = next_after(cron, zone, moment)
        found.append(f"{moment.astimezone(zone):%d %H:%M %z}")
    return found


@pytest.mark.parametrize(
    "cron", ["30 6 * * 1-5", "*/5 * * * *", "0,30 8-18/2 1,15 * MON", "0 0 29 2 *", "0 0 * jan-mar sun", "5 4 * * 7"]
)
def test_a_cron_expression_of_five_fields_is_right(cron):
    check_cron(cron)


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("", "A cron expression has 5 fields: minute, hour, day of the month, month, day of the week."),
        ("0 6 * *", "A cron expression has 5 fields:"),
        ("0 0 6 * * *", "A cron expression has 5 fields:"),
        ("@daily", "A cron expression has 5 fields:"),
        (f"{'0,' * 60}0 6 * * *", "A cron expression has 5 fields:"),
        ("60 6 * * *", "The minute '60' is not valid: expected 0 to 59,"),
        ("0 24 * * *", "The hour '24' is not valid: expected 0 to 23,"),
        ("0 6 0 * *", "The day of the month '0' is not valid: expected 1 to 31,"),
        ("0 6 L * *", "The day of the month 'L' is not valid:"),
        ("0 6 * FOO *", "The month 'FOO' is not valid: expected 1 to 12 or JAN to DEC,"),
        ("0 6 * * 8", "The day of the week '8' is not valid:"),
        ("0 6 * * 1#2", "The day of the week '1#2' is not valid:"),
        ("R 6 * * *", "The minute 'R' is not valid:"),
        ("H 6 * * *", "The minute 'H' is not valid:"),
        ("*/0 6 * * *", "The minute '*/0' is not valid:"),
        ("٣ 6 * * *", "The minute '٣' is not valid:"),
        ("* * * * *", "This is too often: a schedule can be due every 5 minutes at most."),
        ("*/4 6 * * *", "This is too often:"),
        ("0,58 * * * *", "This is too often:"),
        ("1,58 23,0 * * *", "This is too often:"),
        ("0 0 31 2 *", "There is no such day:"),
    ],
)
def test_what_a_cron_expression_cannot_be(cron, sentence):
    with pytest.raises(InvalidCron) as wrong:
        check_cron(cron)
    assert str(wrong.value).startswith(sentence)


def test_an_hour_apart_minutes_may_be_close():
    check_cron("0,58 6 * * *")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "CEST ", "../etc/passwd"])
def test_an_unknown_time_zone_is_told(name):
    with pytest.raises(InvalidCron, match="Unknown time zone"):
        zone_of(name)


def test_the_time_is_that_of_the_zone():
    assert next_after("30 6 * * *", BERLIN, at("2026-01-10T05:00")) == at("2026-01-10T05:30")
    assert next_after("30 6 * * *", BERLIN, at("2026-07-10T05:00")) == at("2026-07-11T04:30")


def test_a_moment_that_is_an_occurrence_is_followed_by_the_next_one():
    assert next_after("30 6 * * *", UTC, at("2026-01-10T06:30")) == at("2026-01-11T06:30")


def test_day_of_month_and_of_week_together_are_either():
    assert following("0 6 13 * FRI", "2026-03-10T00:00", 3) == ["13 06:00 +0100", "20 06:00 +0100", "27 06:00 +0100"]


# --- 29 March 2026: the clock goes from 02:00 to 03:00 ---


def test_a_time_that_is_skipped_comes_an_hour_later_and_once():
    assert following("30 2 * * *", "2026-03-28T00:00", 3) == ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"]
    assert following("30 2,3 * * *", "2026-03-29T00:00", 2) == ["29 03:30 +0200", "30 02:30 +0200"]


def test_every_quarter_of_an_hour_goes_on_when_the_clock_is_put_forward():
    assert following("*/30 * * * *", "2026-03-29T01:00", 3) == ["29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"]


# --- 25 October 2026: the clock goes from 03:00 to 02:00 ---


def test_a_time_that_comes_twice_counts_once():
    assert following("30 2 * * *", "2026-10-24T12:00", 2) == ["25 02:30 +0200", "26 02:30 +0100"]


def test_every_half_hour_goes_on_when_the_clock_is_put_back():
    assert following("*/30 * * * *", "2026-10-25T02:00", 4) == [
        "25 02:30 +0200",
        "25 02:00 +0100",
        "25 02:30 +0100",
        "25 03:00 +0100",
    ]


# --- what was missed ---


@pytest.mark.parametrize(
    ("cron", "since", "now", "last"),
    [
        ("0 * * * *", "2026-01-01T00:00", "2026-01-09T10:20", "2026-01-09T10:00"),
        ("0 6 * * *", "2026-01-01T06:00", "2026-01-09T05:00", "2026-01-08T06:00"),
        ("0 6 1 * *", "2026-01-01T06:00", "2026-04-09T05:00", "2026-04-01T06:00"),
        ("0 6 1 1 *", "2026-01-01T06:00", "2026-04-09T05:00", "2026-01-01T06:00"),
        ("0 6 29 2 *", "2024-02-29T06:00", "2027-04-09T05:00", "2024-02-29T06:00"),
        ("*/5 * * * *", "2026-01-01T00:00", "2026-01-01T00:00", "2026-01-01T00:00"),
    ],
)
def test_the_last_occurrence_that_was_missed(cron, since, now, last):
    assert last_until(cron, UTC, at(now), since=at(since)) == at(last)
