"""Our columns as other programs import them: their headers, and their words for our values. From the same tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from importexport.sources.parts import ADDING
from importexport.sources.presets import Preset, Rule, find_source, fold_header, presets_of
from importexport.sources.values import value_lines

#: Steps of headers that are not written: another header of the same column is, or there is none for us to fill.
NOT_WRITTEN = ("only_if_blank", "by_label", "if_status", "time_of", "prefix", "map", *ADDING)


@dataclass(frozen=True)
class Outgoing:
    """A header of another program, the column of ours that it gets, how its cells are written (``steps``), and the
    program's words for our values, where they differ."""

    header: str
    column: str
    steps: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@cache
def outgoing(name: str, entity: str) -> tuple[Outgoing, ...]:
    """Return what an export of an entity has for a program, in the order of its own table; empty if it has no table.

    Of several kinds of export, the one that has most of our columns.
    """
    source, export = find_source(name) or ("", "")
    found = [written(preset) for preset in presets_of(source, export) if preset.entity == entity]
    return max(found, key=len, default=())


def written(preset: Preset) -> tuple[Outgoing, ...]:
    """Return what is written for a preset: the first header of each column, in the order of its table."""
    result: dict[str, Outgoing] = {}
    # Programs that show capitals to people also know columns by names of their own, in small letters.
    for rule in sorted(preset.rules.values(), key=lambda rule: rule.header.islower()):
        if rule.column and rule.column != "deal_status" and not is_left_out(rule, preset.rules.values()):
            words = outgoing_words(preset.source).get(rule.column, {})
            result.setdefault(rule.column, Outgoing(rule.header, rule.column, rule.steps, words))
    for one in labelled(preset):
        result[one.header] = one
    order = [rule.header for rule in preset.rules.values()]
    return tuple(sorted(result.values(), key=lambda one: order.index(one.header)))


#: Column → the label that tells its numbers apart where each header of a number has one beside it.
NUMBER_LABELS = {"phone": "Work", "mobile": "Mobile"}


def labelled(preset: Preset) -> Iterable[Outgoing]:
    """Yield what is written for numbers that a label tells apart: the number, and its label under a header before."""
    numbers = [rule for rule in preset.rules.values() if "by_label" in rule.steps]
    for rule, (column, label) in zip(numbers, NUMBER_LABELS.items(), strict=False):
        before = label_headers(rule.header, preset.rules)
        yield Outgoing(rule.header, column)
        yield from (Outgoing(preset.rules[one].header, column, {"label": label}) for one in before)


def label_headers(header: str, known: Iterable[str]) -> list[str]:
    """Return the folded headers, of those known, that say what kind of number stands under a header."""
    start = header.rpartition(" - ")[0]
    return [folded for word in ("Label", "Type") if (folded := fold_header(f"{start} - {word}")) in known]


def is_left_out(rule: Rule, rules: Iterable[Rule]) -> bool:
    """Whether another header has what a rule's header could be given."""
    if rule.column == "full_name":
        return any(other.column in ("first_name", "last_name") for other in rules)
    return any(step in rule.steps for step in NOT_WRITTEN)


@cache
def outgoing_words(source: str) -> dict[str, dict[str, str]]:
    """Return a program's words for our values: column → our value → its word."""
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for line in value_lines():
        if source in line["written_by"].split(";"):
            words[line["map"]][line["ours"]] = line["value"]
    return dict(words)
