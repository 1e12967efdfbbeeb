"""Cells that are stored as they are, but that somebody should look at: garbled, shortened or mistyped.

A column at a time: of most columns, one look at the joined text says that there is nothing.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.mail_domains import typing_errors
from importexport.columns.references import Reference
from importexport.columns.widgets import Email, Tags, Text

#: The widgets of columns that have people's own words, and names of other records.
WORDS = (Text, Tags, Reference)
#: Columns of digits, which spreadsheets take for numbers.
DIGITS = {"phone", "mobile", "postal_code", "external_id"}

#: Windows-1252 as browsers read it: the five bytes that mean nothing are control characters.
_TO_LATIN_1 = {
    ord(bytes([byte]).decode("cp1252")): byte for byte in range(0x80, 0xA0) if byte not in b"\x81\x8d\x8f\x90\x9d"
}
#: The first two bytes of a character in UTF-8, read as Windows-1252: ``Ã¼``, ``â€``.
_SECOND = "".join(map(chr, [*_TO_LATIN_1, 0x81, 0x8D, 0x8F, 0x90, 0x9D, *range(0xA0, 0xC0)]))
_PAIR = re.compile(f"[\u00c2-\u00f4][{_SECOND}]")
#: Letters and signs of languages in Latin script. ``NESCAFÉ®`` and ``GÉ…`` would read as phonetic signs, which
#: nobody writes; nor is a small ``ș`` found after a capital letter (``CAFFÈ™``).
_LATIN = re.compile(r"(?:[\0-\x7f\u00a0-\u017f\u1e00-\u1eff\u2010-\u203a\u20ac\u2122]|(?<![A-Z])[\u0218-\u021b])*")
#: Two letters of another script in a row, or a character beyond the basic plane: ``Ø½``, a diameter, is neither.
_OTHER = re.compile("[\u0370-\u1dff\u2c00-\ud7ff\uf900-\ufdff\ufe70-\uffef]{2}|[\U00010000-\U0010ffff]")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}")

Check = Callable[[str], errors.RowWarning | None]
#: The warnings about a batch's rows, by position, each with its column.
Doubts = dict[int, list[tuple[str, errors.RowWarning]]]


def doubts_about(columns: Iterable[Column], raw: Mapping[str, Sequence[str]], cells: Cells) -> Doubts:
    """Return the warnings about a batch: ``raw`` has its cells as in the file, by column; ``cells`` has them prepared.

    Trimming and normalisation can spoil the proof that a text is garbled: the second character of ``Ã\\u00a0``, an
    ``à``, is white space.
    """
    found: Doubts = defaultdict(list)
    for column in columns:
        name = column.column_name
        if name in raw and isinstance(column.widget, WORDS):
            for position, warning in _about_column(column, raw[name], cells):
                found[position].append((name, warning))
    return found


def _about_column(column: Column, raw: Sequence[str], cells: Cells) -> Iterator[tuple[int, errors.RowWarning]]:
    name = column.column_name
    texts, joined = cells.text(name), cells.joined(name)
    if not joined.isascii() and may_be_unreadable("\0".join(raw)):
        yield from _checked(raw, lambda cell: _unreadable(cell, name))
    if name in DIGITS and ("E+" in joined or "e+" in joined):
        yield from _checked(texts, lambda cell: _shortened(cell, name))
    if isinstance(column.widget, Email) and may_be_mistyped(joined):
        yield from _checked(texts, lambda cell: _mistyped(cell, name))


def _checked(cells: Sequence[str], check: Check) -> Iterator[tuple[int, errors.RowWarning]]:
    """Yield the positions of cells that a check warns about; each distinct cell is checked once."""
    warnings = {cell: warning for cell in set(cells) if (warning := check(cell))}
    if warnings:
        yield from ((i, warnings[cell]) for i, cell in enumerate(cells) if cell in warnings)


def may_be_unreadable(joined: str) -> bool:
    """Whether a column's joined cells may contain garbled text or lost characters."""
    return "\ufffd" in joined or _PAIR.search(joined) is not None


def _unreadable(cell: str, column: str) -> errors.RowWarning | None:
    """Return the warning about a text that has lost characters, or has the wrong ones."""
    if cell.isascii():
        return None
    if "\ufffd" in cell:
        return errors.lost_character(column, word_at(cell, cell.index("\ufffd")))
    if (pair := _PAIR.search(cell)) and (meant := ungarbled(cell)):
        word = word_at(cell, pair.start())
        # A single letter may prove too little by itself.
        word_meant = ungarbled(word)
        return errors.garbled(column, word, word_meant) if word_meant else errors.garbled(column, cell, meant)
    return None


def _shortened(cell: str, column: str) -> errors.RowWarning | None:
    """Return the warning about a phone number or code that a spreadsheet has taken for a number: ``4.47912E+11``."""
    return errors.scientific(column, cell) if _SCIENTIFIC.fullmatch(cell) else None


def may_be_mistyped(joined: str) -> bool:
    """Whether one of the addresses in a joined column has a domain that is taken for a typing error."""
    return not typing_errors().keys().isdisjoint(joined.lower().replace("\n", "@").split("@"))


def _mistyped(cell: str, column: str) -> errors.RowWarning | None:
    """Return the warning about an address whose domain looks like a typing error: ``ada@gmial.com``."""
    domain = cell.rpartition("@")[2].lower()
    meant = typing_errors().get(domain)
    return errors.email_domain(column, domain, meant) if meant else None


def ungarbled(text: str) -> str | None:
    """Return what a text was before its UTF-8 was read as Windows-1252, or None if that is not proven.

    ``JÃ¼rgen`` → ``Jürgen``. The whole text has to be UTF-8 in Windows-1252's clothes, which hardly any other is
    (``São Paulo``, ``naïve``), and to make sense without them.
    """
    try:
        meant = text.translate(_TO_LATIN_1).encode("latin-1").decode()
    except UnicodeError:
        return None
    return meant if meant != text and (_LATIN.fullmatch(meant) or _OTHER.search(meant)) else None


def word_at(text: str, position: int) -> str:
    """Return the word at a position, without punctuation. No-break spaces belong to it: they may be garbled letters."""
    start = max(text.rfind(space, 0, position) for space in " \n\r\t") + 1
    ends = [end for space in " \n\r\t" if (end := text.find(space, position)) >= 0]
    return text[start : min(ends, default=len(text))].strip(".,:;!?()\"'")
