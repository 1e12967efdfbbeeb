"""What an e-mail address is, and which addresses and domains are the same."""

import sys
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import assume, example, given
from hypothesis import strategies as st

from crm.addresses import (
    encoded_host,
    fold_domain,
    fold_domains,
    fold_email,
    fold_emails,
    is_email,
    validate_email,
)

#: Letters of several scripts, what looks like parts of a host, and what nobody sees.
PIECES = st.text(st.sampled_from("abAB1-.ößÖſςΣдДИ日ａㆍ·。\u00ad\u200b\u200c\u0301@/:?#_ \n"), max_size=8)
HOSTS = st.lists(
    st.sampled_from(
        ["köln", "KÖLN", "xn--kln-sna", "straße", "STRASSE", "xn--strae-oqa", "οδός", "ΟΔΌΣ", "日本", "пример"]
    )
    | st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
    min_size=1,
    max_size=3,
).map(lambda labels: ".".join([*labels, "example"]))
DOMAINS = HOSTS | PIECES | st.builds("{}{}{}".format, st.sampled_from(["", "https://", "www.", "//u@"]), HOSTS, PIECES)
ADDRESSES = st.builds("{}@{}".format, PIECES, HOSTS) | PIECES


# --- what is an e-mail address ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com", "o'neil+x@sub.example.co.uk", '"a-b"@example.com', "a@xn--kln-sna.example", "info@köln.example",
        "info@KÖLN.EXAMPLE", "info@пример.рф", "info@例え.jp", "a@paral·lel.cat", "a@ab--c.com", "a@123.de",
        "a@ｅｘａｍｐｌｅ.com", "a@cafe\u0301.example", "a@مثال.example", "\u200bada@ex\u00adample.com\u200e",
    ],
)  # fmt: skip
def test_an_address(text):
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@", "a@", "@example.com", "a@localhost", "a@b@", "a@example.com.", "a@.example.com", "a@example..com",
        "a@-a.com", "a@a-.com", "a@ö-.com", "a@-ö.com", "a@a_b.com", "a@x.c", "a@[127.0.0.1]", "a@[::1]",
        # Quotes and brackets around it, or two of them.
        '"ada@example.com"', "'ada@example.com'", "“ada@example.com”", "a@“example”.com", "<a@example.com>",
        "Ada <a@example.com>", "mailto:a@example.com", "a@example.com;b@example.com", "a@example.com,b@example.com",
        # Dots, at signs and dashes that are none.
        "a@example。com", "a@example．com", "a@example｡com", "a＠example.com", "a@ex\u2010ample.com", "a@ex\u2011ample.com",
        "a@ex–ample.com", "a@ex—ample.com", "a@ex−ample.com", "a@example·com", "a@exa・mple.com",
        # White space and line separators within.
        "a b@example.com", "a@exam ple.com", "a@exam\u00a0ple.com", "a@exam\u2028ple.com", "a\u2029@example.com",
        "a@example.com\nb", '"a\\ b"@example.com',
        # Signs that IDNA knows, but that are no letters.
        "a@☕.example", "a@i♥.example", "a@½.example", "a@ⓐ.example", "a@\u0301x.example", "a@1א.example",
        "a@" + "é" * 63 + ".example", "a@" + "a" * 64 + ".example", "ñ@example.com",
    ],
)  # fmt: skip
def test_no_address(text):
    assert not is_email(text)


@given(st.emails() | ADDRESSES)
@example("a@" + "b." * 200 + "com")
def test_the_models_validator_takes_what_is_an_address(text):
    if is_email(text):
        validate_email(text)
    else:
        with pytest.raises(ValidationError):
            validate_email(text)


def test_any_character_in_a_host_that_folding_changes_has_one_key():
    """IDNA maps most of them by tables of its own."""
    changed = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.normalize("NFKC", c).casefold() != c]
    for character in filter(str.isalpha, changed):
        address = f"a@x{character}y.com"
        key = fold_email(address)
        assert fold_email(key) == key, ascii(character)
        if is_email(address):
            assert is_email(key), ascii(character)
            assert fold_email(f"a@{encoded_host(key.partition('@')[2])}") == key, ascii(character)


# --- which addresses are the same ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Info@Köln.example", "info@xn--kln-sna.example"),
        ("info@KÖLN.EXAMPLE", "info@XN--KLN-SNA.EXAMPLE"),
        ("info@ПРИМЕР.РФ", "info@xn--e1afmkfd.xn--p1ai"),
        ("a@STRASSE.example", "a@straße.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@ΟΔΟΣ.example", "a@οδος.example"),
        ("a@ｅｘａｍｐｌｅ.com", "a@example.com"),
        ("a@مي\u200cروم.example", "a@ميروم.example"),
        ("ana@x.example", "\ufeffa\u200bna@x.ex\u00adample\u200e"),
        ("a@r--x.köln.example", "a@r--x.xn--kln-sna.example"),
    ],
)
def test_spellings_of_one_address_match(one, other):
    assert fold_email(one) == fold_email(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@köln.example", "a@koln.example"),
        ("a.b@example.com", "ab@example.com"),
        ("a@example。com", "a@example.com"),
        ("a＠example.com", "a@example.com"),
        ("a@www.example.com", "a@example.com"),
        ("a@xn--zzzzzz.example", "a@zzzzzz.example"),
    ],
)
def test_different_addresses_do_not_match(one, other):
    assert fold_email(one) != fold_email(other)


@given(user=st.sampled_from(["info", "Ada.B"]), host=HOSTS)
def test_an_address_matches_itself_in_any_case_and_form(user, host):
    forms = {host, host.upper(), host.lower(), host.title(), encoded_host(host), unicodedata.normalize("NFD", host)}
    assert len({fold_email(f"{user}@{form}") for form in forms}) == 1


# --- which domains are the same --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "acme.com", "ACME.COM", "https://www.Acme.com/about", "acme.com.", "ACME.COM:443", "http://acme.com",
        "//acme.com/", "https://user:password@www.acme.com:8443/a/b?c=d#e", "acme.com?x", "acme.com#x", "www.acme.com",
        "WWW.WWW.acme.com.", "info@acme.com", "\ufeffhttps://ac\u00adme.com\u200b", "ａｃｍｅ.com", "acme。com",
        "https://acme.com/http://other.com", "ｗｗｗ.acme.com", "acme.com/ about us",
    ],
)  # fmt: skip
def test_a_domain_matches_by_its_host(text):
    assert fold_domain(text) == "acme.com"


@pytest.mark.parametrize("text", ["köln.example", "https://www.KÖLN.example/x", "xn--kln-sna.example:80"])
def test_a_domain_matches_in_both_forms(text):
    assert fold_domain(text) == "köln.example"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", ""),
        ("N/A", "n/a"),
        ("Acme", "acme"),
        ("https://", "https://"),
        ("www.com", "www.com"),
        ("www.Acme", "www.acme"),
        ("A_b.com/x", "a_b.com/x"),
        ("acme.com,  acme.de", "acme.com, acme.de"),
        ("acme..com", "acme..com"),
        ("localhost:8000", "localhost:8000"),
        ("[::1]:80", "[::1]:80"),
        ("ａcme／.com", "ａcme／.com"),
        ("a" * 64 + ".com/x", "a" * 64 + ".com/x"),
    ],
)
def test_what_has_no_host_matches_as_a_text(text, key):
    assert fold_domain(text) == key


def test_other_hosts_of_a_domain_are_others():
    assert fold_domain("shop.acme.com") != fold_domain("acme.com")


# --- keys ------------------------------------------------------------------------------------------------------


@given(text=DOMAINS | ADDRESSES)
@pytest.mark.parametrize("fold", [fold_email, fold_domain])
def test_a_key_is_its_own_key(fold, text):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(("column", "one"), [(fold_emails, fold_email), (fold_domains, fold_domain)])
@given(
    values=st.lists(
        DOMAINS | ADDRESSES | st.sampled_from(["a@b.com", "b.com", "b.com.", "XN--KLN-SNA.example"]), max_size=5
    )
)
def test_a_column_is_folded_like_its_cells(column, one, values):
    assert column(values) == [one(value) for value in values]


@given(text=ADDRESSES | DOMAINS)
def test_a_key_is_at_most_three_times_as_long_as_its_text(text):
    assume(text)
    assert len(fold_email(text)) <= 3 * len(text) + 1
    assert len(fold_domain(text)) <= 3 * len(text) + 1


@pytest.mark.parametrize(
    "text", ["a@" + "a." * 500_000, "é" * 1_000_000 + ".com", "a@" + "ö" * 1_000_000, "//" * 500_000]
)
def test_what_is_too_long_for_a_host_is_not_looked_at(text):
    assert not is_email(text)
    assert fold_email(text) == text.rstrip()
    assert fold_domain(text) == text.rstrip()
