"""Which addresses a webhook may have."""

import ipaddress

import pytest

from importexport.webhooks.addresses import NotAllowed, is_public, target_of

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.1.2.3",
    "64:ff9b::10.1.2.3",
    "64:ff9b:1::1",
    "2002:0a01:0203::1",
    "2001:0:c0a8:101::1",
    "2001:0:808:808:0:ffff:f5fe:fdfc",
    "2002:808:808::1",
    "3fff::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_internet_is_refused(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700:4700::1111"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://hooks.example.com/", "The URL must begin with https://."),
        ("ftp://hooks.example.com/", "The URL must begin with https://."),
        ("hooks.example.com", "The URL must begin with https://."),
        ("https://", "The URL has no host."),
        ("https://:443/", "The URL has no host."),
        ("https://me:secret@hooks.example.com/", "The URL must not have a user name or password."),
        ("https://hooks.example.com/#top", "The URL must not have a fragment (#…)."),
        ("https://hooks.example.com:22/", "The port must be 443, 80, or at least 1024."),
        ("https://hooks.example.com:0/", "The port must be 443, 80, or at least 1024."),
        ("https://hooks.example.com:99999/", "This is not a URL."),
        ("https://[::1/", "This is not a URL."),
        ("https://exa..mple.com/", "The URL has no valid host."),
        ("https://köln.example/", "The URL has characters that a URL cannot have."),
        ("https://hooks.example.com/a b", "The URL has characters that a URL cannot have."),
        ("https://hooks.example.com/\r\nX: y", "The URL has characters that a URL cannot have."),
        (f"https://hooks.example.com/{'x' * 500}", "The URL has more than 500 characters."),
        ("https://127.0.0.1/", "The host has an address that is not public."),
        ("https://[::ffff:10.0.0.1]/", "The host has an address that is not public."),
        ("https://localhost/", "The host has an address that is not public."),
        ("https://2130706433/", "The host has an address that is not public."),
    ],
)
def test_a_url_that_a_webhook_may_not_have(url, sentence):
    with pytest.raises(NotAllowed) as refused:
        target_of(url)
    assert str(refused.value).startswith(sentence)


def test_the_parts_of_a_url():
    target = target_of("https://Hooks.Example.com:8443/a/b?c=d")
    assert (target.host, target.port, target.place) == ("hooks.example.com", 8443, "hooks.example.com:8443")
    assert (target.path, target.is_https) == ("/a/b?c=d", True)
    assert target_of("https://hooks.example.com").path == "/"
    assert target_of("https://hooks.example.com:443/").place == "hooks.example.com"


def test_http_is_a_setting(settings):
    settings.RALLY_WEBHOOK_HTTP = True
    assert target_of("http://hooks.example.com/").port == 80


def test_where_hosts_are_named_others_are_refused(settings):
    settings.RALLY_WEBHOOK_HOSTS = ["n8n", ".example.com"]
    assert target_of("https://n8n:5678/").host == "n8n"
    assert target_of("https://hooks.example.com/").host == "hooks.example.com"
    for other in ("https://hooks.example.net/", "https://badexample.com/"):
        with pytest.raises(NotAllowed, match="not among those that this server allows"):
            target_of(other)


def test_a_star_stands_for_all_public_hosts(settings):
    settings.RALLY_WEBHOOK_HOSTS = ["10.0.0.5", "*"]
    assert target_of("https://10.0.0.5/").host == "10.0.0.5"
    assert target_of("https://hooks.example.net/").host == "hooks.example.net"
    with pytest.raises(NotAllowed):
        target_of("https://10.0.0.6/")
