"""What somebody has answered on the Match page, as the options with which the file is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from importexport.admin.matching.first_look import UNKNOWN
from importexport.engine.options import VALUES, OptionError, Options, mappable, read_sheet
from importexport.engine.resource import EntityResource
from importexport.models import ImportRun
from importexport.sources.reading import OURS
from importexport.sources.wishes import read_values

#: What the names of fields begin with; the header, or the column and value, follow as JSON.
COLUMN, VALUE = "column:", "value:"
#: What a field says: as it was recognised; not imported, or left blank. Ours stand behind an equals sign.
AS_IS, NONE, OURS_IS = "", "-", "="
#: The options that the page offers as a choice, each with those of its values that can be taken.
CHOSEN = ("source", "dates", "decimal", "encoding", "incomplete", "duplicates", "missing")
#: The options without whose answer the page shows another file, as it were.
BASIC = ("source", "encoding", "sheet")


@dataclass(frozen=True)
class Answers:
    """What was posted: the options, and whether the page has to be shown anew because it was made with others."""

    options: Options
    is_of_another_reading: bool


def read_answers(posted: QueryDict, run_options: Options, resource: EntityResource) -> Answers:
    """Return what was answered over the options of the run; raise OptionError for what the page does not offer.

    What is not posted stays as the run has it.
    """
    given: dict[str, Any] = {}
    for name in CHOSEN:
        if name in posted:
            given[name] = one_of(name, str(posted[name]))
    if "sheet" in posted:
        sheet = str(posted["sheet"])
        given["sheet"] = read_sheet("sheet", sheet) if sheet else ""
    options = replace(run_options, **given, saved_mapping="")
    is_without_program = options.source == OURS
    mapping = read_columns(posted, options.mapping or {}, mappable(resource.spec))
    options = replace(
        options,
        # Without a program, the columns are still those that their names say, and formats are as the file proves.
        mapping=mapping or ({} if is_without_program else None),
        formats="detect" if is_without_program else "",
        values=read_meanings(posted, options.values or {}, resource) or None,
    )
    shown = {name: posted[f"shown_{name}"] for name in BASIC if f"shown_{name}" in posted}
    return Answers(options, any(getattr(options, name) != value for name, value in shown.items()))


def one_of(name: str, value: str) -> str:
    """Return a value of an option; raise OptionError if it has no such value."""
    if value and value not in VALUES[name]:
        raise no_such_answer()
    return value or (UNKNOWN if name == "source" else "")


def no_such_answer() -> OptionError:
    """Return the error of an answer that the page does not offer."""
    return OptionError(_("One of your answers is not offered on this page. Check your answers and send them again."))


def read_columns(posted: QueryDict, before: Mapping[str, str | None], columns: list[str]) -> dict[str, str | None]:
    """Return the mapping of headers to columns: as it was, with what was posted."""
    mapping = dict(before)
    for field, said in posted.items():
        if not field.startswith(COLUMN):
            continue
        (header,) = read_name(field.removeprefix(COLUMN), 1)
        mapping.pop(header, None)
        if said == NONE:
            mapping[header] = None
        elif said != AS_IS:
            if said not in columns:
                raise no_such_answer()
            mapping[header] = str(said)
    return mapping


def read_meanings(
    posted: QueryDict, before: Mapping[str, Mapping[str, str | None]], resource: EntityResource
) -> dict[str, dict[str, str | None]]:
    """Return by column what values mean: as it was, with what was posted."""
    meanings = {column: dict(known) for column, known in before.items()}
    for field, said in posted.items():
        if not field.startswith(VALUE):
            continue
        column, value = read_name(field.removeprefix(VALUE), 2)
        known = meanings.setdefault(column, {})
        known.pop(value, None)
        if said == NONE:
            known[value] = None
        elif said != AS_IS:
            known[value] = str(said).removeprefix(OURS_IS)
    meanings = {column: known for column, known in meanings.items() if known}
    return checked(meanings, resource)


def checked(meanings: dict[str, dict[str, str | None]], resource: EntityResource) -> dict[str, dict[str, str | None]]:
    """Return what values mean; raise OptionError where a column or a choice is none of ours."""
    choices = {column.column_name: column.target.choices for column in resource.spec.columns}
    try:
        read_values(json.dumps(meanings), choices)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return meanings


def read_name(text: str, count: int) -> list[str]:
    """Return the texts in the name of a field; raise OptionError if they are not as many."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise no_such_answer() from None
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or len(texts) != count or not all(isinstance(one, str) for one in texts):
        raise no_such_answer()
    return texts


def column_field(header: str) -> str:
    """Return the name of the field of a header."""
    return f"{COLUMN}{json.dumps(header)}"


def value_field(column: str, value: str) -> str:
    """Return the name of the field of a value."""
    return f"{VALUE}{json.dumps([column, value])}"


def version_of(run: ImportRun) -> str:
    """Return what changes whenever somebody else has answered, so that nobody overwrites answers unseen."""
    said = json.dumps([run.entity, run.options, run.status == ImportRun.Status.MATCHING, run.plan_digest])
    return sha256(said.encode()).hexdigest()[:16]
