"""The names that were perhaps meant by those that were not found.

Looked for among all of the tenant's names, a few thousand at a time, by rapidfuzz: unlike pg_trgm it needs nothing of
the database server.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from rapidfuzz import fuzz, process

from crm.matching import fold
from crm.models.fields import Folded
from importexport import faults
from importexport.ledger import LedgerRow
from importexport.models import ImportRun, SkippedRow
from importexport.references import Reference
from importexport.resources import RESOURCES

#: How many different names are looked for in a column, how many are suggested for one, and how alike they must be,
#: in per cent.
WANTED, SUGGESTED, ALIKE = 200, 3, 80
NAMES_AT_ONCE = 5_000
#: How many refused rows are looked through for names.
ROWS = 20_000


def suggestions(run: ImportRun) -> dict[str, dict[str, list[str]]]:
    """Return the nearest names for those that a plan did not find: column → the folded name → names, nearest first."""
    resource = RESOURCES[run.entity](run.tenant)
    found: dict[str, dict[str, list[str]]] = {}
    for column, texts in wanted_names(run).items():
        widget = resource.fields[column].widget if column in resource.fields else None
        if isinstance(widget, Reference):
            found[column] = nearest(sorted(texts), widget, run)
    return {column: {name: near for name, near in names.items() if near} for column, names in found.items() if names}


def wanted_names(run: ImportRun) -> dict[str, set[str]]:
    """Return the folded names that a plan did not find, by column."""
    wanted: dict[str, set[str]] = {}
    places = {name: place for place, name in enumerate(run.header["columns"]) if name}
    rows = run.skipped_rows.with_fault(kind="not_found").order_by("number")
    for row in islice(rows.iterator(chunk_size=500), ROWS):
        for column, kind, _ in row.faults:
            texts = wanted.setdefault(column, set())
            if kind == "not_found" and column in places and len(texts) < WANTED and places[column] < len(row.cells):
                texts.add(fold(row.cells[places[column]]))
    return wanted


def nearest(wanted: list[str], widget: Reference, run: ImportRun) -> dict[str, list[str]]:
    """Return the nearest of the tenant's names for some names, which are folded."""
    best: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in wanted}
    for names in known_names(widget, run):
        for name in wanted:
            for key, score, _ in process.extract(
                name, names.keys(), scorer=fuzz.WRatio, limit=SUGGESTED, score_cutoff=ALIKE
            ):
                best[name][key] = (score, names[key])
    return {name: [text for _, text in sorted(near.values(), reverse=True)[:SUGGESTED]] for name, near in best.items()}


def known_names(widget: Reference, run: ImportRun) -> Iterator[dict[str, str]]:
    """Yield the names that there are, by their folded form, some at a time."""
    folded: Any = widget.model._meta.get_field(widget.key)
    assert isinstance(folded, Folded)
    names = widget.model._default_manager.filter(tenant=run.tenant).order_by()
    pairs = names.values_list(widget.key, folded.source).iterator(chunk_size=NAMES_AT_ONCE)
    while batch := dict(islice(pairs, NAMES_AT_ONCE)):
        yield batch


def sentences(run: ImportRun, row: LedgerRow | SkippedRow) -> list[str]:
    """Return what is wrong with a refused row, each with the names that a plan suggests."""
    names = meant(run, row)
    return [
        faults.did_you_mean(sentence, names[column]) if kind == "not_found" and column in names else sentence
        for column, kind, sentence in row.faults
    ]


def meant(run: ImportRun, row: LedgerRow | SkippedRow) -> dict[str, list[str]]:
    """Return the names that a plan suggests for those that a refused row names in vain, by column."""
    if not run.suggestions:
        return {}
    cells = dict(zip(run.header.get("columns", ()), row.cells, strict=False))
    asked = [column for column, kind, _ in row.faults if kind == "not_found" and column in cells]
    found = {column: run.suggestions.get(column, {}).get(fold(cells[column]), []) for column in asked}
    return {column: names for column, names in found.items() if names}
