"""Recognises the program that wrote a file, and the kind of export, by the set of its headers, never by one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from importexport import errors
from importexport.files.header import CARRIED, fold_cell
from importexport.sources.presets import Preset, fold_header, label, presets, presets_of

#: The least that speaks for a program: the weights of its headers in the file, and the share of the file's headers
#: that it knows. A header weighs the more, the fewer programs have it.
WEIGHT, SHARE = 1.5, 0.5
#: How near the second program may come to the first: nearer, and they fit equally.
NEAR = 0.95


class Match(NamedTuple):
    """How well a preset fits a header."""

    preset: Preset
    weight: float
    share: float


def recognise(cells: Sequence[str], *, entity: str, ask: errors.Ask = errors.raise_it) -> Preset | None:
    """Return the preset that fits a header best, or None if none is recognised.

    Asks if two programs fit equally, and if the file has records of another entity.
    """
    labels = header_labels(cells)
    best = best_by_source(labels)
    if not best:
        return None
    first = best[0]
    rivals = [match for match in best[1:] if match.weight >= first.weight * NEAR and match.share >= first.share * NEAR]
    if rivals:
        ask(errors.sources_fit_equally([match.preset.source for match in (first, *rivals)]))
    return of_entity(first.preset.source, labels, entity, ask=ask)


def of_entity(source: str, labels: Collection[str], entity: str, *, ask: errors.Ask = errors.raise_it) -> Preset | None:
    """Return a program's preset for an entity, or None if it has none; ask if another entity's fits clearly better."""
    own = max(matches(presets()[source], labels), key=lambda match: match.weight * match.share)
    mine = [match for match in matches(presets()[source], labels) if match.preset.entity == entity]
    best = max(mine, key=lambda match: match.weight * match.share, default=None)
    if best is None or best.weight * best.share < 0.8 * own.weight * own.share:
        ask(errors.other_entity(label(source), own.preset.entity, entity))
    return best.preset if best else None


def choose(source: str, export: str, cells: Sequence[str], *, entity: str) -> Preset:
    """Return the preset of a program that the caller names, of the kind of ``export`` that fits best, or that is named.

    Raises FileError if the program has no table for the entity.
    """
    fitting = [preset for preset in presets_of(source, export) if preset.entity == entity]
    if not fitting:
        raise errors.source_without_entity(label(source), entity)
    labels = header_labels(cells)
    return max(matches(fitting, labels), key=lambda match: (match.weight, match.share)).preset


def is_ours(cells: Sequence[str], columns: Collection[str], required: Collection[str]) -> bool:
    """Whether a header has only our own names, or those that a file of ours has and must have."""
    own = {fold_cell(name) for name in columns} | CARRIED
    labels = {fold_cell(cell) for cell in cells if cell.strip()}
    return bool(labels) and labels <= own and {fold_cell(name) for name in required} <= labels


def header_labels(cells: Iterable[str]) -> set[str]:
    """Return the folded names in a header."""
    return {folded for cell in cells if (folded := fold_header(cell))}


def best_by_source(labels: Collection[str]) -> list[Match]:
    """Return the best match of each program that is recognised, the best program first."""
    found = [max(matches(several, labels), key=_merit) for several in presets().values()]
    return sorted(
        (match for match in found if match.weight >= WEIGHT and match.share >= SHARE), key=_merit, reverse=True
    )


def _merit(match: Match) -> float:
    return match.weight * match.share


def matches(several: Iterable[Preset], labels: Collection[str]) -> list[Match]:
    """Return how well some presets fit."""
    weights = header_weights()
    result = []
    for preset in several:
        hits = preset.rules.keys() & labels
        weight = sum(weights[hit] for hit in hits)
        result.append(Match(preset, weight, len(hits) / max(len(labels), 1)))
    return result


@cache
def header_weights() -> dict[str, float]:
    """Return the weight of each header: one by the number of programs that have it."""
    programs: dict[str, set[str]] = defaultdict(set)
    for source, several in presets().items():
        for preset in several:
            for one in preset.rules:
                programs[one].add(source)
    return {one: 1 / len(sources) for one, sources in programs.items()}
