"""Names match ignoring case, white space, invisible characters and normal form."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm.matching import fold, fold_column

#: Plain words and what is special about names, so that both ways of fold_column are taken often.
NAMES = st.text(st.sampled_from("abAB \t\n\x1c\x85\u00a0ßẞéÉe\u0301İıſΣςﬁ\u00ad\u200b\ufeff"), max_size=8) | st.text(
    max_size=8
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME", "acme"),
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("  Acme   Inc ", "Acme Inc"),
        ("Acme\t\r\nInc", "Acme Inc"),
        ("Acme\u00a0Inc", "Acme Inc"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("\u212b", "å"),
        ("Acme", "Acme\u200b"),
        ("Acme", "\ufeffAcme"),
        ("Acme", "Ac\u00adme"),
        ("Acme Inc", "\u202aAcme\u200e \u200f Inc\u202c"),
        ("Café", "Cafe\u200b\u0301"),
        ("می\u200cروم", "میروم"),
    ],
)
def test_spellings_of_one_name_match(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Acme", "Acme."), ("❤", "❤\ufe0f"), ("AcmeInc", "Acme Inc"), ("Cafe", "Café"), ("1", "１")]
)
def test_different_names_do_not_match(one, other):
    assert fold(one) != fold(other)


@given(text=NAMES, normal_form=st.sampled_from(["NFC", "NFD"]))
def test_a_name_matches_itself_in_any_normal_form_and_white_space(text, normal_form):
    assert fold(unicodedata.normalize(normal_form, f"\t {text}  \n")) == fold(text)


@given(text=NAMES)
def test_a_folded_name_is_folded(text):
    assert fold(fold(text)) == fold(text)


@given(values=st.lists(NAMES, max_size=6))
@example(["Acme", "a  B"])
@example(["Acme ", "B"])
@example([" Acme", "B"])
@example(["Acme", " B", "C "])
@example(["a\nb", "a\x1cb"])
@example(["", "ACME", ""])
def test_a_column_is_folded_like_its_cells(values):
    assert fold_column(values) == [fold(value) for value in values]


def test_a_key_is_at_most_three_times_as_long_as_its_name():
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    stored = [character for character in characters if unicodedata.is_normalized("NFC", character)]
    assert max(len(fold(character * 10)) for character in stored) <= 30
