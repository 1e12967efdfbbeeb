"""Which addresses a schedule may have, and how they are shown."""

import datetime as dt
import zoneinfo

import pytest

from importexport.net.addresses import NotAllowed
from importexport.schedules.addresses import (
    SchedulesOff,
    allowed_places,
    check_address,
    file_name_of,
    filled,
    masked,
    place_of,
    unmasked,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com", ".example.org", "10.0.0.5"]
    settings.RALLY_SCHEDULE_BUCKETS = [
        {"bucket_name": "exchange", "location": "tenants/{tenant}"},
        {"bucket_name": "shared", "location": ""},
    ]


@pytest.mark.parametrize(
    "address",
    [
        "https://files.example.com/out/contacts.csv",
        "https://me:pass%20word@files.example.com:8443/a?sig=x%2Fy&se=2026",
        "https://example.org/contacts.csv",
        "https://a.b.example.org/{date}/contacts-{date}T{time}.csv",
        "https://10.0.0.5/contacts.csv",
        "s3://exchange/tenants/acme/contacts {date}.csv",
        "s3://shared/Ünïcode/contacts.csv",
    ],
)
def test_an_address_that_is_allowed(tenant, address):
    check_address(address, tenant=tenant)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://files.example.com/a.csv", "The address must begin with https:// or s3://."),
        ("ftp://files.example.com/a.csv", "The address must begin with https:// or s3://."),
        ("file:///etc/passwd", "The address must begin with https:// or s3://."),
        ("", "The address must begin with https:// or s3://."),
        ("https://other.example.com/a.csv", "Schedules do not use this host:"),
        ("https://files.example.com.evil.net/a.csv", "Schedules do not use this host:"),
        ("https://files.example.com@evil.net/a.csv", "Schedules do not use this host:"),
        ("https://badexample.org/a.csv", "Schedules do not use this host:"),
        ("https://127.0.0.1/a.csv", "Schedules do not use this host:"),
        ("https://10.0.0.6/a.csv", "Schedules do not use this host:"),
        ("https://files.example.com:22/a.csv", "The port must be 443, 80, or at least 1024."),
        ("https://files.example.com/a.csv#top", "The URL must not have a fragment (#…)."),
        ("https://files.example.com/a b.csv", "The URL has characters that a URL cannot have."),
        ("https://files.example.com/\r\nX: y", "The address has characters that no address can have."),
        ("https://files.example.com/\ud800", "The address has characters that no address can have."),
        (f"https://files.example.com/{'x' * 2000}", "The address has more than 2000 characters."),
        ("https://files.example.com/{day}.csv", "Unknown placeholder '{day}'. Known are {date} and {time}."),
        ("https://files.example.com/{}.csv", "Unknown placeholder '{}'."),
        ("https://files.example.com/{date.csv", "The address has a brace that belongs to no placeholder."),
        ("https://{date}.example.org/a.csv", "A placeholder can only stand in the path or the query of an address."),
        ("s3://exchange/tenants/globex/a.csv", "Schedules do not use this place. Allowed are files in: s3://exchange/"),
        ("s3://exchange/tenants/acme-2/a.csv", "Schedules do not use this place."),
        ("s3://exchange/tenants/acme", "Schedules do not use this place."),
        ("s3://exchange/tenants/acme/../globex/a.csv", "The path of an s3 address must name a file, without '.', '..'"),
        ("s3://exchange/tenants/acme/./a.csv", "The path of an s3 address must name a file,"),
        ("s3://exchange/tenants/acme//a.csv", "The path of an s3 address must name a file,"),
        ("s3://exchange/tenants/acme/", "The path of an s3 address must name a file,"),
        ("s3://exchange/tenants/acme/..\\globex\\a.csv", "An s3 address is s3://bucket/folder/file: it has none of"),
        ("s3://exchange", "The path of an s3 address must name a file,"),
        ("s3://KEY:SECRET@exchange/tenants/acme/a.csv", "An s3 address is s3://bucket/folder/file: it has no key,"),
        ("s3://exchange/tenants/acme/a.csv?endpoint=http://10.0.0.1", "An s3 address is s3://bucket/folder/file:"),
        ("s3://other/tenants/acme/a.csv", "Schedules do not use this place."),
        (f"s3://shared/{'ü' * 513}", "The path of an s3 address must have at most 1024 bytes."),
    ],
)
def test_an_address_that_a_schedule_may_not_have(tenant, address, sentence):
    with pytest.raises(NotAllowed) as refused:
        check_address(address, tenant=tenant)
    assert str(refused.value).startswith(sentence)


def test_a_percent_sign_in_a_bucket_is_a_percent_sign(tenant):
    with pytest.raises(NotAllowed):
        place_of("s3://exchange/tenants%2Facme/a.csv", tenant=tenant)
    assert place_of("s3://exchange/tenants/acme/%2e%2e/a.csv", tenant=tenant).key == "tenants/acme/%2e%2e/a.csv"


def test_without_hosts_there_are_no_schedules(tenant, settings):
    settings.RALLY_SCHEDULE_HOSTS, settings.RALLY_SCHEDULE_BUCKETS = [], []
    with pytest.raises(SchedulesOff):
        check_address("https://files.example.com/a.csv", tenant=tenant)


def test_the_places_that_a_tenant_may_use(tenant):
    assert allowed_places(tenant) == [
        "files.example.com",
        ".example.org",
        "10.0.0.5",
        "s3://exchange/tenants/acme/",
        "s3://shared/",
    ]


def test_date_and_time_are_those_of_the_zone():
    moment = dt.datetime(2026, 11, 25, 23, 30, tzinfo=dt.UTC)
    address = "https://files.example.com/{date}/a-{time}.csv?day={date}"
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    assert filled(address, moment, berlin) == "https://files.example.com/2026-11-26/a-0030.csv?day=2026-11-26"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://files.example.com/out/my%20contacts.csv?sig=a/b", "my contacts.csv"),
        ("https://files.example.com/", "contacts"),
        ("https://files.example.com", "contacts"),
        ("s3://exchange/tenants/acme/100%25.csv", "100%25.csv"),
    ],
)
def test_the_name_of_the_file(address, name):
    assert file_name_of(address, otherwise="contacts") == name


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://files.example.com/a.csv", "https://files.example.com/a.csv"),
        ("https://me:secret@files.example.com/a.csv", "https://me:***@files.example.com/a.csv"),
        ("https://me:se:cr@et@files.example.com/a.csv", "https://me:***@files.example.com/a.csv"),
        ("https://token@files.example.com/a.csv", "https://***@files.example.com/a.csv"),
        ("https://files.example.com/a.csv?sig=x%3D&se=1&flag&", "https://files.example.com/a.csv?sig=***&se=***&***&"),
        ("https://files.example.com?sig=a/b?c=d", "https://files.example.com?sig=***"),
        ("s3://exchange/tenants/acme/a.csv", "s3://exchange/tenants/acme/a.csv"),
    ],
)
def test_secrets_are_masked(address, shown):
    assert masked(address) == shown


def test_an_address_sent_back_as_it_is_shown_keeps_its_secrets():
    stored = "https://me:secret@files.example.com/a.csv?sig=x"
    assert unmasked(masked(stored), stored) == stored
    assert unmasked("https://files.example.com/b.csv", stored) == "https://files.example.com/b.csv"


@pytest.mark.parametrize(
    "address",
    [
        "https://me:***@evil.example.org/a.csv?sig=***",
        "https://me:***@files.example.com/other.csv?sig=***",
        "https://me:new@files.example.com/a.csv?sig=***",
    ],
)
def test_the_secrets_of_an_address_are_never_sent_to_another_one(address):
    with pytest.raises(NotAllowed, match="give them again"):
        unmasked(address, "https://me:secret@files.example.com/a.csv?sig=x")
