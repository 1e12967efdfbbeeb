"""Which addresses a webhook may have."""

import pytest

from importexport.net.addresses import NotAllowed
from importexport.webhooks.addresses import target_of


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
    for host in ("example.com", "hooks.example.com", "a.hooks.example.com"):
        assert target_of(f"https://{host}/").host == host
    for other in ("https://hooks.example.net/", "https://badexample.com/"):
        with pytest.raises(NotAllowed, match="not among those that this server allows"):
            target_of(other)


def test_a_star_stands_for_all_public_hosts(settings):
    settings.RALLY_WEBHOOK_HOSTS = ["10.0.0.5", "*"]
    assert target_of("https://10.0.0.5/").host == "10.0.0.5"
    assert target_of("https://hooks.example.net/").host == "hooks.example.net"
    with pytest.raises(NotAllowed):
        target_of("https://10.0.0.6/")
