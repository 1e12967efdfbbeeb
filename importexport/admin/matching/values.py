"""The values of a file's choices, currencies, stages and pipelines on the Match page: each different one once."""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from importexport.admin import labels
from importexport.admin.matching.answers import AS_IS, NONE, OURS_IS, value_field
from importexport.admin.matching.first_look import is_known, unknown_values
from importexport.admin.matching.selects import Select
from importexport.admin.presenters import shown
from importexport.engine.found_values import FoundValues
from importexport.engine.options import Options
from importexport.engine.proposal import Proposal

#: The most values of a column that are shown, and the most choices that all select boxes of a column have.
SHOWN, CHOICES = 200, 10_000

Names = Mapping[str, Mapping[str, str]]


class Value(NamedTuple):
    """A value of the file, the number of its cells, and what it is imported as."""

    text: str
    cells: str
    select: SafeString
    is_unknown: bool


class ValueGroup(NamedTuple):
    """The values of a column: those that nobody knows first; ``hidden`` is how many others there are, in words."""

    column: str
    title: str
    values: list[Value]
    unknown: int
    hidden: str


def value_groups(proposal: Proposal, options: Options, names: Names) -> list[ValueGroup]:
    """Return the values of each column that has any."""
    return [_group(values, options, names) for values in proposal.values if values.counts]


def _group(values: FoundValues, options: Options, names: Names) -> ValueGroup:
    ours = list(names[values.column].values()) if values.column in names else list(values.choices)
    unknown = unknown_values(values, options, names)
    order = [*unknown, *sorted(values.counts.keys() - set(unknown), key=lambda value: -values.counts[value])]
    room = max(20, min(SHOWN, CHOICES // max(len(ours), 1)))
    select = Select([(NONE, _("Leave blank")), *((f"{OURS_IS}{name}", name) for name in ours)])
    given = (options.values or {}).get(values.column, {})
    is_created = values.column in names and options.missing == "create"
    return ValueGroup(
        column=values.column,
        title=labels.column(values.column),
        values=[
            Value(
                shown(value),
                labels.grouped(values.counts[value]),
                _box(values, value, given, select, as_is(values, value, names, is_created=is_created)),
                value in unknown[:room],
            )
            for value in order[:room]
        ],
        unknown=len(unknown),
        hidden=hidden(len(order) - room, has_more=values.has_more),
    )


def _box(values: FoundValues, value: str, given: Mapping[str, str | None], select: Select, as_it_is: str) -> SafeString:
    chosen = AS_IS
    first = [(AS_IS, as_it_is)]
    if value in given:
        chosen = f"{OURS_IS}{given[value]}" if given[value] else NONE
        if given[value] and given[value] not in values.choices:
            # A stage that was deleted since, unless it is among those that there are.
            first.append((chosen, str(given[value])))
    label = _("Import “%(value)s” as") % {"value": shown(value)}
    return select(value_field(values.column, value), label, chosen, first=first)


def as_is(values: FoundValues, value: str, names: Names, *, is_created: bool) -> str:
    """Return what becomes of a value of which nothing else is said."""
    meaning = values.meanings[value]
    if is_known(values, value, names):
        if not meaning:
            return _("Leave blank (recognised)")
        return _("%(value)s (recognised)") % {"value": shown(meaning)}
    return _("Create it") if is_created else _("Leave as it is: its rows would be rejected")


def hidden(count: int, *, has_more: bool) -> str:
    """Return how many values are not shown, in words; "" if all are."""
    if count <= 0:
        return ""
    number = labels.grouped(count)
    return _("more than %(number)s") % {"number": number} if has_more else number
