"""Characters that nobody sees are trimmed at the ends of texts, and left out where texts are matched."""

import sys

import pytest

from crm.characters import trim, without_invisible

#: The contract's list.
RANGES = [
    *((code, code) for code in (0x00AD, 0x061C, 0x180E, 0xFEFF)),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x206F),
]
INVISIBLE = [chr(code) for first, last in RANGES for code in range(first, last + 1)]


def test_the_invisible_characters_are_those_of_the_contract():
    assert [c for c in map(chr, range(sys.maxunicode + 1)) if not without_invisible(c)] == sorted(INVISIBLE)


def test_the_ends_lose_white_space_and_invisible_characters_and_nothing_else():
    trimmed = [c for c in map(chr, range(sys.maxunicode + 1)) if not trim(c)]
    assert trimmed == sorted({*INVISIBLE, *(c for c in map(chr, range(sys.maxunicode + 1)) if not c.strip())})


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("  plain  ", "plain"),
        ("\ufeff \u200b Acme\u00a0\u200e\t", "Acme"),
        ("\u200b\u200b", ""),
        ("\u202a+49 30 1234\u202c", "+49 30 1234"),
        ("می\u200cروم", "می\u200cروم"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
)
def test_only_the_ends_are_trimmed(text, trimmed):
    assert trim(text) == trimmed


def test_invisible_characters_are_left_out_wherever_they_stand():
    assert without_invisible("\ufeffAc\u00adme\u200b ❤\ufe0f") == "Acme ❤\ufe0f"
