"""The columns of a file on the Match page, a line for each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.admin import formatting
from importexport.admin import labels
from importexport.admin.matching.answers import AS_IS, NONE, column_field
from importexport.admin.matching.first_look import is_carried, is_unknown
from importexport.admin.matching.selects import Select
from importexport.admin.presenters import shown
from importexport.engine.options import Options, mappable
from importexport.engine.proposal import HeaderSample, Proposal
from importexport.engine.resource import EntityResource
from importexport.files.column_hints import column_hints
from importexport.files.workbooks.numbers import shown_cell
from importexport.sources.parts import ADDING, Part
from importexport.sources.presets import label
from importexport.sources.reading import given_by
from importexport.sources.wishes import NAME_LIMIT

#: The most characters of a sample that are shown, and the most columns without values that can be matched.
SAMPLE, BLANK = 60, 500


class Sample(NamedTuple):
    """A cell, and what it becomes, if that differs; "–" for nothing."""

    cell: str
    becomes: str


@dataclass(frozen=True)
class Line:
    """A column of the file: its ``select`` is "" where the header cannot be told apart; ``why`` says who has decided.

    ``problem`` is what somebody has to mend.
    """

    header: str
    number: int
    filled: int
    samples: list[Sample]
    select: SafeString | str
    why: str
    problem: str
    is_unknown: bool

    @property
    def filled_text(self) -> str:
        """The number of filled cells."""
        return labels.grouped(self.filled)


def column_lines(proposal: Proposal, options: Options, resource: EntityResource) -> list[Line]:
    """Return a line for each column of a file, apart from those that we have added to it."""
    own = [header for header in proposal.headers if not is_carried(header.part.header)]
    maker, blank = LineMaker(proposal, options, resource), 0
    lines = []
    for header in own:
        blank += not header.filled
        lines.append(maker.line(header, has_box=bool(header.filled) or blank <= BLANK))
    return lines


class LineMaker:
    """Makes the lines of a file."""

    def __init__(self, proposal: Proposal, options: Options, resource: EntityResource) -> None:
        self._source, self._options = proposal.reading.source, options
        required = resource.spec.required_names
        names = [(name, titled(name, is_required=name in required)) for name in mappable(resource.spec)]
        self._select = Select([(NONE, _("Do not import")), *names])
        self._known = {name for name, _title in names}
        self._counts = Counter(header.part.header for header in proposal.headers)
        self._seen: set[str] = set()
        self._problems = claims(proposal)
        self._hints = hints(proposal, resource)

    def line(self, header: HeaderSample, *, has_box: bool) -> Line:
        """Return the line of a header, with a select box if it ``has_box`` and can be told apart."""
        part = header.part
        is_first = part.header not in self._seen
        self._seen.add(part.header)
        return Line(
            header=shown(part.header),
            number=(part.position or 0) + 1,
            filled=header.filled,
            samples=[sample(cell, becomes) for cell, becomes in header.samples.items()],
            select=self._box(part) if has_box and is_first and self._is_told_apart(part) else "",
            why=self._why(part, is_first=is_first),
            problem=self._problems.get(part.header, ""),
            is_unknown=is_unknown(header) and bool(header.filled),
        )

    def _is_told_apart(self, part: Part) -> bool:
        return len(part.header) <= NAME_LIMIT and (bool(part.header) or self._counts[""] == 1)

    def _box(self, part: Part) -> SafeString:
        first = []
        if part.why not in ("", "mapping"):
            title = labels.column(part.column) if part.column else _("Do not import")
            first.append((AS_IS, _("%(column)s (recognised)") % {"column": title}))
            chosen = AS_IS
        else:
            chosen = part.column or NONE
        if part.column and part.why == "mapping" and part.column not in self._known:
            first.append((part.column, labels.column(part.column)))
        text = _("Import “%(header)s” as") % {"header": shown(part.header) or _("column without a header")}
        return self._select(column_field(part.header), text, chosen, first=first)

    def _why(self, part: Part, *, is_first: bool) -> str:
        if not self._is_told_apart(part):
            return _("Give this column a header of its own in the file to import it.")
        if not is_first:
            return _("Like the column of the same name above.")
        if part.why == "source" and not part.column:
            return _("%(program)s: there is no column for it here") % {"program": label(self._source)}
        if part.why == "source":
            return " · ".join([f"{label(self._source)}: {shown(part.header)}", *joining(part)])
        if part.why == "mapping" and self._options.saved_mapping:
            return _("Saved matching “%(name)s”") % {"name": self._options.saved_mapping}
        if not part.why and (meant := self._hints.get(part.header)):
            return _("Unknown. Did you mean %(column)s?") % {"column": labels.column(meant)}
        return str(WHY[part.why]())


WHY = {
    "name": lambda: _("Same name"),
    "agreed": lambda: _("Known name"),
    "mapping": lambda: _("Chosen by you"),
    "": lambda: _("Unknown"),
}


def titled(name: str, *, is_required: bool) -> str:
    """Return a column's title, and whether a new record needs it."""
    title = labels.column(name)
    return _("%(column)s (needed)") % {"column": title} if is_required else title


def joining(part: Part) -> list[str]:
    """Return what a part does besides giving its column."""
    if any(step in part.steps for step in ADDING):
        return [_("added to it")]
    return [_("where that is blank")] if "only_if_blank" in part.steps else []


def sample(cell: str, becomes: Mapping[str, str]) -> Sample:
    """Return a cell of the file and what it becomes."""
    text, after = shown_cell(cell), " · ".join(filter(None, becomes.values()))
    is_same = not becomes or after.strip() == text.strip()
    return Sample(shown(text, limit=SAMPLE), "" if is_same else shown(after, limit=SAMPLE) or formatting.EMPTY)


def claims(proposal: Proposal) -> dict[str, str]:
    """Return by header what is wrong where two of them give one column."""
    found = {}
    for error in proposal.questions:
        if error.code == "two_headers" and error.question:
            (column,) = error.question.columns
            for header in error.question.headers:
                text = _("More than one column is imported as %(column)s. Choose one, and do not import the others.")
                found[header] = text % {"column": labels.column(column)}
    return found


def hints(proposal: Proposal, resource: EntityResource) -> dict[str, str]:
    """Return by unknown header the column that was probably meant."""
    unknown = [header.part.header for header in proposal.headers if is_unknown(header) and header.filled]
    taken = {name for header in proposal.headers for name in given_by(header.part)}
    return column_hints(unknown, [name for name in resource.in_files if name not in taken], resource.entity)


def filled_lines(lines: Iterable[Line]) -> list[Line]:
    """Return the lines of columns that have values, or something to be mended."""
    return [line for line in lines if line.filled or line.problem]


def in_sections(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines of columns with values, in the order of the file, and those of columns without."""
    filled = filled_lines(lines)
    known = {line.number for line in filled}
    return filled, [line for line in lines if line.number not in known]
