"""The content of the Match page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from importexport.admin import labels
from importexport.admin.matching.answers import BASIC, version_of
from importexport.admin.matching.columns import column_lines, in_sections
from importexport.admin.matching.first_look import UNKNOWN, names_in_use, proposed
from importexport.admin.matching.questions import asked
from importexport.admin.matching.values import value_groups
from importexport.admin.presenters import shown
from importexport.engine.options import Options
from importexport.engine.proposal import Proposal
from importexport.engine.resource import EntityResource
from importexport.errors import FileError
from importexport.files.header import fold_cell
from importexport.models import ImportRun, SavedMapping
from importexport.sources.presets import label, presets
from importexport.sources.reading import OURS

#: The questions that the lines of the columns answer, and those that are about all of the file.
OF_COLUMNS, OF_ENTITY = ("two_headers", "missing_column"), "other_entity"
#: What is asked where records can be stored of which less is known than they usually need.
LESS_IS_KNOWN = {
    "contacts": gettext_lazy(
        "Also import contacts with little information: a first name, last name, email, phone or company is enough"
    ),
    "activities": gettext_lazy("Also import activities without a subject: their type becomes the subject"),
}
#: What is asked where ids of another program tell records of one name apart.
DUPLICATES = {
    "companies": gettext_lazy("Also import companies with the same name, if their IDs in the other program differ"),
    "deals": gettext_lazy("Also import deals with the same name, if their IDs in the other program differ"),
}
#: The most saved mappings that are offered.
SAVED = 100


def proposed_with_what_is_there(file: BinaryIO, resource: EntityResource, options: Options) -> tuple[Proposal, Options]:
    """Return what a file would be read as, and the options without columns that it does not have, as another sheet.

    Raises FileError like ``propose``.
    """
    try:
        return proposed(file, resource, options), options
    except FileError as error:
        if error.code != "mapping_without_header":
            raise
    plain = proposed(file, resource, replace(options, mapping=None))
    known = {fold_cell(cell) for cell in plain.header}
    kept = {header: column for header, column in (options.mapping or {}).items() if fold_cell(header) in known}
    reduced = replace(options, mapping=kept or None)
    return proposed(file, resource, reduced), reduced


def page_content(run: ImportRun, proposal: Proposal, options: Options, resource: EntityResource) -> dict[str, Any]:
    """Return what the page shows of a file that is read with some options."""
    names = names_in_use(run.tenant)
    filled, blank = in_sections(column_lines(proposal, options, resource))
    groups = value_groups(proposal, options, names)
    return {
        "version": version_of(run),
        "shown": {name: getattr(options, name) or assumed(name, proposal) for name in BASIC},
        "recognised": recognised(proposal, options),
        "rows": labels.rows(proposal.total_rows),
        "sheet": shown(proposal.reading.sheet),
        "can_change_sheet": bool(options.sheet),
        "questions": asked(proposal, options, resource.targets),
        "source_is_asked": any(error.code == "source_unclear" for error in proposal.questions),
        "programs": programs(options, proposal),
        "filled": filled,
        "blank": blank,
        "has_many": len(filled) + len(blank) > 15,
        "unknown": sum(line.is_unknown for line in filled),
        "missing": [labels.column(name) for name in missing_columns(proposal)],
        "may_be_incomplete": run.entity in LESS_IS_KNOWN,
        "less_is_known": LESS_IS_KNOWN.get(run.entity, ""),
        "incomplete": options.incomplete,
        "may_be_duplicates": run.entity in DUPLICATES and gives_ids(proposal),
        "duplicates_are_kept": DUPLICATES.get(run.entity, ""),
        "duplicates": options.duplicates,
        "other_entity": other_entity(proposal),
        "groups": groups,
        "unknown_values": sum(group.unknown for group in groups),
        "names_missing": options.missing if any(group.column in names for group in groups) else "",
        "problems": problems(proposal),
        "saved_mapping": options.saved_mapping,
        "saved": saved_names(run),
    }


def assumed(name: str, proposal: Proposal) -> str:
    """Return the answer that the page was made with where nobody has answered yet."""
    if not any(error.question and error.question.option == name for error in proposal.questions):
        return ""
    return str(getattr(proposal.reading, name)) if name in ("encoding", "sheet") else ""


def recognised(proposal: Proposal, options: Options) -> str:
    """Return the program that a file was recognised as, with the kind of export; "" if none was."""
    source, export = proposal.reading.source, proposal.reading.export
    if source in (OURS, UNKNOWN) or options.source == OURS:
        return ""
    return f"{label(source)} ({export})" if export else label(source)


def programs(options: Options, proposal: Proposal) -> list[tuple[str, str, bool]]:
    """Return the programs that may have written a file: value, title, and whether it is chosen."""
    name = recognised(proposal, options) if options.source == UNKNOWN else ""
    first = (
        _("Recognised: %(program)s") % {"program": name} if name else _("Unknown: match by the names of the columns")
    )
    listed = [(UNKNOWN, first), (OURS, _("None: match only by the names of the columns"))]
    listed += sorted(((source, label(source)) for source in presets()), key=lambda one: one[1].casefold())
    return [(value, title, value == options.source) for value, title in listed]


def gives_ids(proposal: Proposal) -> bool:
    """Whether a file has the ids that another program has given its records."""
    return any(header.part.column == "external_id" for header in proposal.headers)


def missing_columns(proposal: Proposal) -> Sequence[str]:
    """Return the columns that a file needs, and nothing in it gives."""
    found = [error.question for error in proposal.questions if error.code == "missing_column" and error.question]
    return found[0].columns if found else ()


def other_entity(proposal: Proposal) -> dict[str, Any] | None:
    """Return the entity that a file seems to have, or None if it is the one that was chosen."""
    for error in proposal.questions:
        if error.code == OF_ENTITY and error.question:
            (entity,) = error.question.values
            program = label(proposal.reading.source) if proposal.reading.source not in (OURS, UNKNOWN) else ""
            return {"entity": entity, "title": labels.ENTITIES[entity], "program": program}
    return None


def problems(proposal: Proposal) -> list[str]:
    """Return the sentences about what is undecided and is not asked anywhere else on the page."""
    asked_for = (*OF_COLUMNS, OF_ENTITY)
    known = {"source", "encoding", "sheet", "dates", "decimal"}
    return [
        str(error)
        for error in proposal.questions
        if error.code not in asked_for and not (error.question and error.question.option in known)
    ]


def saved_names(run: ImportRun) -> list[str]:
    """Return the names of the mappings that the account has saved for the entity."""
    saved = SavedMapping.objects.filter(tenant=run.tenant, entity=run.entity).order_by("name")
    return list(saved.values_list("name", flat=True)[:SAVED])


def is_taken(name: str, run: ImportRun) -> bool:
    """Whether another mapping than the one that the run uses has a name."""
    used = run.options.get("saved_mapping", "")
    return name != used and SavedMapping.objects.filter(tenant=run.tenant, entity=run.entity, name=name).exists()
