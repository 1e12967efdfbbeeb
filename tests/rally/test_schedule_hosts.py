"""The places that schedules may use, as the environment names them."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from rally.schedule_hosts import from_environment


def test_hosts_domains_and_addresses_are_listed():
    hosts = ["Files.example.com", ".example.org", "n8n", "10.0.0.5", "[fd00::1]"]
    assert from_environment(hosts) == (["files.example.com", ".example.org", "n8n", "10.0.0.5", "fd00::1"], [])


def test_a_bucket_is_written_as_the_storage_of_uploads():
    url = "s3://KEY:a%2Bsecret%2C@bucket/tenants/{tenant}/?region=eu-central-1&endpoint=http://127.0.0.1:9000"
    hosts, [options] = from_environment([url])
    assert hosts == []
    assert options["bucket_name"] == "bucket"
    assert options["location"] == "tenants/{tenant}"
    assert (options["access_key"], options["secret_key"]) == ("KEY", "a+secret,")
    assert (options["region_name"], options["endpoint_url"]) == ("eu-central-1", "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("https://files.example.com", "RALLY_SCHEDULE_HOSTS: entry 2 is neither a host nor a bucket. Expected"),
        ("files.example.com/out", "RALLY_SCHEDULE_HOSTS: entry 2 is neither a host nor a bucket."),
        ("*", "RALLY_SCHEDULE_HOSTS: entry 2 is neither a host nor a bucket."),
        ("me:HUSH@files.example.com", "RALLY_SCHEDULE_HOSTS: entry 2 is neither a host nor a bucket."),
        ("s3://KEY:HUSH@b", "RALLY_SCHEDULE_HOSTS: entry 2 (s3://b) names no bucket."),
        ("s3://KEY@bucket/a", "RALLY_SCHEDULE_HOSTS: entry 2 (s3://bucket/a) has a key without a secret,"),
        (
            "s3://KEY:HUSH@bucket?zone=x",
            "RALLY_SCHEDULE_HOSTS: entry 2 (s3://bucket) has the unknown parameter 'zone'.",
        ),
        ("s3://KEY:HUSH@bucket:9000/a", "RALLY_SCHEDULE_HOSTS: entry 2 (s3://bucket:9000/a) names a port"),
        (
            "s3://KEY:HUSH@bucket/{slug}",
            "RALLY_SCHEDULE_HOSTS: entry 2 (s3://bucket/{slug}) has a folder with braces.",
        ),
        ("s3://KEY:HUSH@bucket/a/../b", "RALLY_SCHEDULE_HOSTS: entry 2 (s3://bucket/a/../b) has a folder with '.',"),
        ("s3://KEY:HUSH@[/a", "RALLY_SCHEDULE_HOSTS: entry 2 (s3://[/a) is not a URL."),
    ],
)
def test_an_entry_that_is_wrong_is_told_without_its_secret(entry, sentence):
    with pytest.raises(ImproperlyConfigured) as wrong:
        from_environment(["files.example.com", entry])
    assert str(wrong.value).startswith(sentence)
    assert "HUSH" not in str(wrong.value)
