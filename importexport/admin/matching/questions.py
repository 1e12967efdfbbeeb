"""What a file leaves open as a whole: the program, the encoding, the sheet, how dates and numbers are written."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy

from crm.admin import formatting
from importexport.admin.presenters import shown
from importexport.engine.options import Options
from importexport.engine.proposal import Proposal
from importexport.errors import FileError
from importexport.sources.dates import iso
from importexport.sources.layout import DATES, NUMBERS, Target
from importexport.sources.numbers import plain
from importexport.sources.presets import label

TITLES = {
    "source": gettext_lazy("Which program wrote this file?"),
    "encoding": gettext_lazy("Are these letters right?"),
    "sheet": gettext_lazy("Which sheet do you want to import?"),
    "dates": gettext_lazy("How are dates written in this file?"),
    "decimal": gettext_lazy("How are numbers written in this file?"),
}
HINTS = {
    "encoding": gettext_lazy(
        "The file does not say how its letters are stored. If none of these is right, save it as “CSV UTF-8” and choose"
        " it again."
    ),
    "sheet": gettext_lazy("Several sheets of this workbook have rows. Each sheet is imported separately."),
    "dates": gettext_lazy("No date in the file decides it."),
    "decimal": gettext_lazy("No number in the file decides it."),
}
ANSWERS = {
    "encoding": {
        "windows-1252": gettext_lazy("Western European (Windows-1252)"),
        "utf-16": gettext_lazy("Unicode text (UTF-16)"),
        "utf-8": gettext_lazy("Unicode (UTF-8)"),
    },
    "dates": {
        "dmy": gettext_lazy("Day first"),
        "mdy": gettext_lazy("Month first"),
        "ymd": gettext_lazy("Year first"),
        "iso": gettext_lazy("Year first"),
    },
    "decimal": {"point": gettext_lazy("Decimal point"), "comma": gettext_lazy("Decimal comma")},
}


class Answer(NamedTuple):
    """A possible answer, and examples of what it makes."""

    value: str
    title: Any
    examples: str
    is_chosen: bool


@dataclass(frozen=True)
class Asked:
    """A question about the whole file. It is open until it was answered."""

    option: str
    title: Any
    hint: Any
    answers: list[Answer]
    is_open: bool
    headers: str = ""


def asked(proposal: Proposal, options: Options, targets: Mapping[str, Target]) -> list[Asked]:
    """Return what is open about a file, and what was answered, which can be answered otherwise."""
    found = {error.question.option: error for error in proposal.questions if error.question}
    asked_for = []
    for option in TITLES:
        if error := found.get(option):
            asked_for.append(_question(option, error, _headers(option, proposal.questions)))
        elif option not in ("source", "sheet") and (said := getattr(options, option)):
            asked_for.append(_answered(option, said, proposal, targets))
    return asked_for


def _question(option: str, error: FileError, headers: str) -> Asked:
    assert error.question
    answers = [
        Answer(value, _title(option, value), _examples(option, value, error.examples), is_chosen=False)
        for value in error.question.values
    ]
    useful = [answer for answer in answers if answer.examples] if option in ("dates", "decimal") else answers
    return Asked(option, TITLES[option], HINTS.get(option, ""), useful or answers, is_open=True, headers=headers)


def _answered(option: str, said: str, proposal: Proposal, targets: Mapping[str, Target]) -> Asked:
    cells = list(_cells(option, proposal, targets))
    made = {value: _examples(option, value, cells) for value in ANSWERS[option]}
    answers = [
        Answer(value, title, made[value], value == said)
        for value, title in ANSWERS[option].items()
        if value == said or (value not in ("iso", "utf-8") and (option == "encoding" or made[value]))
    ]
    return Asked(option, TITLES[option], "", answers, is_open=False)


def _cells(option: str, proposal: Proposal, targets: Mapping[str, Target]) -> Iterable[str]:
    """Yield some cells of the columns that an answer is about."""
    forms: set[str] = {"dates": DATES, "decimal": NUMBERS}.get(option, set())
    for header in proposal.headers:
        target = targets.get(header.part.column)
        if target and target.form in forms:
            yield from header.samples


def _title(option: str, value: str) -> Any:
    if option == "source":
        return label(value)
    return ANSWERS.get(option, {}).get(value, shown(value))


def _headers(option: str, questions: Iterable[FileError]) -> str:
    """Return the headers that a question is about."""
    asking = [error.question for error in questions if error.question and error.question.option == option]
    return ", ".join(f"“{shown(header)}”" for question in asking for header in question.headers[:1])


def _examples(option: str, value: str, cells: Sequence[str]) -> str:
    """Return what an answer makes of some cells: ``05/06/2025 → 5 June 2025``."""
    if option == "encoding":
        return ", ".join(map(shown, cells))
    make = MAKERS.get(option)
    made = ((cell, make(cell, value)) for cell in cells) if make else ()
    return ", ".join(f"{shown(cell)} → {text}" for cell, text in made if text)


def read_date(cell: str, order: str) -> str:
    """Return the date that a cell is in an order of day, month and year, in words; "" if it is none."""
    try:
        return formatting.day(dt.date.fromisoformat(iso(cell, order="" if order == "iso" else order)[:10]))
    except ValueError:
        return ""


def read_number(cell: str, separator: str) -> str:
    """Return the number that a cell is with a decimal separator, as people here write it; "" if it is none."""
    try:
        number = Decimal(plain(cell, separator=separator)).normalize()
        return formatting.number(f"{number:f}")
    except InvalidOperation:
        return ""


MAKERS: dict[str, Callable[[str, str], str]] = {"dates": read_date, "decimal": read_number}
