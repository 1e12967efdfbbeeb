"""What is garbled, and what only looks like it; which domains are typing errors, and which are somebody's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.columns.cells import Cells
from importexport.columns.doubtful import doubts_about, ungarbled
from importexport.columns.mail_domains import PROVIDERS, SHORT, typing_errors
from importexport.files.table import Batch
from importexport.resources import ContactResource

#: The bytes that mean nothing in Windows-1252; browsers read them as control characters.
HOLES = {0x81, 0x8D, 0x8F, 0x90, 0x9D}


def garbled(text):
    """Return a text whose UTF-8 is read as browsers read Windows-1252."""
    return "".join(chr(byte) if byte in HOLES else bytes([byte]).decode("cp1252") for byte in text.encode())


def warnings(column, cell):
    """Return the codes and sentences of the warnings about one cell."""
    batch = Batch([2], [[cell]], {column: (cell,)})
    found = doubts_about(ContactResource.declared.values(), batch.columns, Cells(batch))
    return [(warning.code, str(warning)) for _, warning in found.get(0, [])]


WORDS = [
    "Jürgen", "it’s", "città", "Łódź", "MÜLLER", "MALMÖ", "François", "García", "Żaneta", "Iași", "Nguyễn", "€ 5",
    "“Hi”", "Москва", "Магазин в Москве", "Καλημέρα", "שלום", "محمد", "日本", "지훈", "😀", "Ana – 25 °C", "½ Teelöffel",
]  # fmt: skip


@pytest.mark.parametrize("text", WORDS)
def test_utf8_read_as_windows_1252_is_recognised(text):
    assert garbled(text) != text
    assert ungarbled(garbled(text)) == text
    ((code, _),) = warnings("notes", garbled(text))
    assert code == "garbled"


@given(st.text("äöüßéèçñøłšžİğ", min_size=1), st.text("abcXYZ 123-.,'"))
def test_whatever_letters_were_garbled_are_found_again(letters, rest):
    assert ungarbled(garbled(rest + letters)) == rest + letters


GUARDS = [
    *WORDS, "São Paulo", "naïve", "Ångström", "Ã", "IRMÃ", "Nguyễn Văn Phạm", "Hà Nội", "Škoda", "Übergröße", "Ç’est",
    "NESCAFÉ®", "ANDRÉ’S BISTRO", "CAFÉ…", "CAFFÈ™", "voilà…", 'Ø½"', "2×½", "CAFÉ\u00a0DE PARIS", "été…",
    "façade\u00a0»", "„Gänsefüßchen“", "Ä–Ö", "Ñandú", "Müller – Söhne", "25 °C", "Â",
]  # fmt: skip


@pytest.mark.parametrize("text", GUARDS)
def test_a_text_that_is_right_is_not_warned_about(text):
    assert warnings("notes", text) == []


def test_the_sentence_names_the_word_and_what_it_was():
    assert warnings("notes", "Called JÃ¼rgen, again") == [
        (
            "garbled",
            "'JÃ¼rgen' in 'notes' looks garbled and was probably 'Jürgen': the file was saved with the wrong encoding",
        )
    ]


def test_a_text_that_is_garbled_in_part_only_is_not_proven():
    assert warnings("notes", "JÃ¼rgen Müller") == []


def test_a_character_that_was_lost_is_told_of():
    assert warnings("first_name", "J\ufffdrgen") == [
        (
            "lost_character",
            "'J\ufffdrgen' in 'first_name' has lost a character: the file itself has '\ufffd' in its place",
        )
    ]


@pytest.mark.parametrize("cell", ["4.47912E+11", "4,47912E+11", "4E+11", "4.47912e+11", "-4.4E+11"])
@pytest.mark.parametrize("column", ["phone", "mobile", "postal_code", "external_id"])
def test_a_number_in_scientific_form_is_no_phone_and_no_code(column, cell):
    assert warnings(column, cell) == [
        ("scientific", f"'{cell}' in '{column}' was shortened by a spreadsheet: its last digits are probably lost")
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("phone", "+44 7912 345678"), ("phone", "E+11"), ("phone", "1E11"), ("mobile", "12 ext e+1"),
     ("postal_code", "E1 6AN"), ("postal_code", "1E1 2B3"), ("notes", "4.47912E+11"), ("title", "4E+11")],
)  # fmt: skip
def test_other_phones_codes_and_columns_are_not(column, cell):
    assert warnings(column, cell) == []


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"), ("gamil.com", "gmail.com"), ("gmal.com", "gmail.com"), ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"), ("gmail.con", "gmail.com"), ("gmail.co", "gmail.com"), ("gmail.cmo", "gmail.com"),
        ("hotmial.com", "hotmail.com"), ("hotmal.de", "hotmail.de"), ("yahooo.com", "yahoo.com"),
        ("yhaoo.co.uk", "yahoo.co.uk"), ("outlok.com", "outlook.com"), ("icoud.com", "icloud.com"),
        ("aol.con", "aol.com"), ("live.con", "live.com"), ("GMIAL.com", "gmail.com"),
    ],
)  # fmt: skip
def test_a_domain_next_to_a_providers_is_a_typing_error(domain, meant):
    assert warnings("email", f"ada@{domain}") == [
        ("email_domain", f"'{domain.lower()}' in 'email' looks like a typing error: did you mean '{meant}'?")
    ]


REAL = """
    gmail.com googlemail.com hotmail.com hotmail.de hotmail.es hotmail.se hotmail.be hotmail.it outlook.com outlook.de
    yahoo.com yahoo.de yahoo.es yahoo.se yahoo.fr yahoo.gr yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.com.br icloud.com
    me.com mac.com live.com line.com aol.com aol.de msn.com gmx.net gmx.de gmx.com gmx.at gmx.ch ymail.com mail.com
    email.com mail.de web.de fmail.com hmail.com rocketmail.com protonmail.com proton.me cloud.com grail.com gail.com
    gmail.company.com acme.co acme.con t-online.de freenet.de libero.it qq.com 163.com mail.ru yandex.ru gmall.com
    inbox.com zoho.com hey.com fastmail.com tutanota.com example.com
""".split()  # noqa: SIM905 - readable


@pytest.mark.parametrize("domain", REAL)
def test_a_domain_that_exists_is_none(domain):
    assert warnings("email", f"ada@{domain}") == []


def test_no_provider_is_a_typing_error_of_another():
    real = {f"{name}.{end}" for name, ends in PROVIDERS.items() for end in ends} | {f"{name}.com" for name in SHORT}
    assert not real & typing_errors().keys()
    assert real.issuperset(typing_errors().values())


def test_the_name_before_the_domain_does_not_matter():
    assert warnings("email", "gmial.com@example.com") == []
