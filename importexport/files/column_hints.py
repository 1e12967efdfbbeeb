"""Which column an unknown header cell may mean: that of a synonym, else one that it misspells; rather none than a wrong
one.
"""

from collections.abc import Collection, Iterable
from functools import cache

from rapidfuzz.distance import OSA

from importexport.files.header import fold_cell, fold_label
from importexport.files.synonyms import SYNONYMS

#: The most header cells that are looked at, and the most characters that one may have.
NAMES, CHARACTERS = 500, 100
#: The fewest letters of a column that can be recognised when it is misspelt, and those from which two may be wrong.
SHORT, LONG = 4, 9
#: Words that resemble a column of ours but mean something else, besides what the synonyms of other entities say.
OTHERS = ("List Name", "File Name", "State Name", "Country Code", "Status", "Rate", "Date", "Code", "Titel")


def column_hints(names: Iterable[str], free: Collection[str], entity: str) -> dict[str, str]:
    """Return unknown header cells with the columns that they may mean, of those that the file lacks (``free``).

    A column is suggested once: to its first synonym in the header, else to the first cell that misspells it.
    """
    labels = {name: fold_cell(name) for name in list(names)[:NAMES] if len(name) <= CHARACTERS}
    left, hints = list(free), {}
    for find in (by_synonym, by_letters):
        for name, label in labels.items():
            if name not in hints and (column := find(label, left, entity)):
                hints[name] = column
                left.remove(column)
    return {name: hints[name] for name in labels if name in hints}


def by_synonym(label: str, free: Collection[str], entity: str) -> str:
    """Return the column that a folded label is a synonym of, or ""."""
    column = synonyms(entity).get(label, "")
    return column if column in free else ""


def by_letters(label: str, free: Iterable[str], entity: str) -> str:
    """Return the only column that a folded label misspells, or ""; a word that is one of another column is not."""
    if label in known_words():
        return ""
    found = [column for column in free if is_misspelt(label, fold_label(column))]
    return found[0] if len(found) == 1 else ""


def is_misspelt(label: str, word: str) -> bool:
    """Whether a label is a word but for one letter, or in a long word two; not where it is the word and more."""
    most = 1 if len(word) < LONG else 2
    if len(word) < SHORT or word in label:
        return False
    return OSA.distance(label, word, score_cutoff=most) <= most


@cache
def synonyms(entity: str) -> dict[str, str]:
    """Return the folded synonyms of an entity's columns."""
    table = SYNONYMS.get(entity, {})
    return {fold_label(name): column for column, names in table.items() for name in names}


@cache
def known_words() -> frozenset[str]:
    """Return all words, folded, that are no misspelling of another: columns and synonyms of any entity, and others."""
    known = {fold_label(word) for word in OTHERS}
    for entity, table in SYNONYMS.items():
        known.update(map(fold_label, table), synonyms(entity))
    return frozenset(known)
