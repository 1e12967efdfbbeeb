"""The tables of other programs' headers, one file per program in ``data``. A new program is a table, not code.

A table's columns: ``entity``; ``export``, the kind of export, blank if the program has just one; ``header``, blank for
what every row of that export is; ``column``, ours or one of ``EXTRAS``, blank where we have none; and ``steps``,
separated by ``;``, of which ``STEPS`` has the list.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from importexport.files.header import fold_cell

#: Names of tables that are no column of ours, and what becomes of their cells.
EXTRAS = {
    "full_name": "first_name and last_name, where both are blank",
    "deal_status": "the stage and probability of a deal that is won or lost",
    "row_kind": "the kind of record, by which some rows are rejected",
}
#: Step → what it does with a header's cells; ``name:argument`` has the argument.
STEPS = {
    "only_if_blank": "fills the column where the headers before have left it blank",
    "append": "is added to the column, after a comma (address), a line break (notes) or a space",
    "append_word": "is added to the column after a space",
    "append_labelled": "is added to the column on a line of its own, after the header's name",
    "if_status": "counts only where the deal's status is one of these: if_status:Won,Lost",
    "by_label": "goes to mobile where the cell before says that it is a mobile number",
    "map": "goes through a map of values.csv other than the column's own: map:lead_status",
    "soft": "is left blank, and told, where it names no record of ours",
    "html_text": "is HTML: its text is taken",
    "first_line": "gives its first line to another column that is blank: first_line:subject",
    "fraction_to_percent": "is a fraction of 1",
    "split_triple": "is a list separated by ':::' whose entries with '* ' are the program's own",
    "split_semicolon": "is a list separated by semicolons",
    "quoted_list": "is a list of quoted entries, separated by commas",
    "first_of_repeated": "may stand in the header several times: the first filled cell counts",
    "time_of": "is the time of day that belongs to the date of another header: time_of:Due date",
    "default": "is filled from another column where it is blank: default:activity_type",
    "prefix": "stands after the cell of another header: prefix:account",
    "only": "rejects the rows with another value: only:Company",
    "always": "is the same in every row: always:note",
    "needed": "rejects the rows where it is blank: they are no records of the entity",
}


@dataclass(frozen=True)
class Rule:
    """What a header's cells are: a ``column``, or "" where we have none, and the ``steps`` with their arguments."""

    header: str
    column: str
    steps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """One kind of export of a program for one entity: its ``rules`` by folded header, and those without a header."""

    source: str
    export: str
    entity: str
    rules: dict[str, Rule]
    constants: list[Rule]

    @property
    def name(self) -> str:
        """The program and the kind of export, as people are told: ``Salesforce (report)``."""
        return f"{label(self.source)} ({self.export})" if self.export else label(self.source)


#: How programs write their own names, where that is more than a capital letter.
LABELS = {
    "act": "Act!", "activecampaign": "ActiveCampaign", "atomic_crm": "Atomic CRM", "dynamics365": "Dynamics 365",
    "espocrm": "EspoCRM", "hubspot": "HubSpot", "kaggle_crm": "Kaggle's CRM sample", "lin_crm": "Lin CRM",
    "linkedin": "LinkedIn", "systeme_io": "systeme.io",
}  # fmt: skip
#: Narrower names of programs: a kind of export of the program.
ALIASES = {
    "dynamics": ("dynamics365", ""), "google_new": ("google", "new"), "google_old": ("google", "old"),
    "outlook_zh": ("outlook", "chinese"), "salesforce_api": ("salesforce", "api"),
    "salesforce_dataloader": ("salesforce", "data loader"), "salesforce_label": ("salesforce", "report"),
    "zoho_import": ("zoho", "import sample"),
}  # fmt: skip


def label(source: str) -> str:
    """Return a program's name as it writes it."""
    return LABELS.get(source, source.capitalize())


@cache
def presets() -> dict[str, list[Preset]]:
    """Return the presets of all programs, by the program's name."""
    tables = sorted(files("importexport.sources").joinpath("data").iterdir(), key=lambda path: path.name)
    names = [path.name.removesuffix(".csv") for path in tables]
    return {
        name: read_table(name, path.read_text(encoding="utf-8"))
        for name, path in zip(names, tables, strict=True)
        if name != "values"
    }


def read_table(source: str, text: str) -> list[Preset]:
    """Return the presets of a table; raise ValueError for a line that has an unknown step or too few cells."""
    rules: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for line in csv.DictReader(text.splitlines(), strict=True):
        rule = Rule(line["header"], line["column"], dict(read_steps(line["steps"])))
        rules[line["entity"], line["export"]].append(rule)
    shared = rules.pop(("any", ""), [])
    return [preset(source, export, entity, [*own, *shared]) for (entity, export), own in rules.items()]


def preset(source: str, export: str, entity: str, rules: Iterable[Rule]) -> Preset:
    """Return a preset; of two rules for headers that are written alike, the first counts."""
    by_header: dict[str, Rule] = {}
    constants = []
    for rule in rules:
        if rule.header:
            by_header.setdefault(fold_header(rule.header), rule)
        else:
            constants.append(rule)
    return Preset(source, export, entity, by_header, constants)


def read_steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield steps with their arguments: ``append;if_status:Won``."""
    for step in filter(None, text.split(";")):
        name, _, argument = step.partition(":")
        if name not in STEPS:
            raise ValueError(f"Unknown step '{name}'. Expected one of: {', '.join(STEPS)}.")
        yield name, argument


def fold_header(cell: str) -> str:
    """Return the key under which another program's header matches: like ours, and without a trailing ``*``."""
    return fold_cell(cell.rstrip("* \t"))


def find_source(name: str) -> tuple[str, str] | None:
    """Return the program and the kind of export ("" for any) that a name means, or None if it is unknown."""
    if name in ALIASES:
        return ALIASES[name]
    return (name, "") if name in presets() else None


def presets_of(source: str, export: str = "") -> list[Preset]:
    """Return the presets of a program, of a kind of export ("" for all); none of an unknown program."""
    return [preset for preset in presets().get(source, ()) if preset.export.startswith(export)]


@cache
def known_headers() -> frozenset[str]:
    """Return the folded headers of all programs."""
    return frozenset(header for several in presets().values() for preset in several for header in preset.rules)


def source_names() -> list[str]:
    """Return the names of all programs and of their narrower ones."""
    return [*presets(), *ALIASES]
