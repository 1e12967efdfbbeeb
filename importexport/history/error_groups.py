"""Errors alike, counted while an import runs."""

from collections import Counter
from typing import Any

from importexport.engine.outcome import Refusal

#: How many different sentences are counted one by one, and how many groups are kept.
SENTENCES, GROUPS = 10_000, 200


class Groups:
    """Counts faults alike: by sentence while there are not too many, and by kind and column in any case."""

    def __init__(self) -> None:
        self._sentences: Counter[tuple[str, str, str]] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()

    def add(self, refusals: list[Refusal]) -> None:
        """Count the faults of a batch."""
        for refusal in refusals:
            for column, fault in refusal.faults:
                self._kinds[column, fault.kind] += 1
                key = (column, fault.kind, str(fault))
                if key in self._sentences or len(self._sentences) < SENTENCES:
                    self._sentences[key] += 1

    def listed(self) -> list[dict[str, Any]]:
        """Return the groups, the most frequent first: sentences that several rows share, and the rest by kind."""
        shared = {key: rows for key, rows in self._sentences.items() if rows > 1}
        rest = self._kinds.copy()
        for (column, kind, _), rows in shared.items():
            rest[column, kind] -= rows
        examples: dict[tuple[str, str], str] = {}
        for column, kind, sentence in self._sentences:
            if (column, kind, sentence) not in shared:
                examples.setdefault((column, kind), sentence)
        groups = [group(kind, column, rows, sentence, sentence) for (column, kind, sentence), rows in shared.items()]
        for (column, kind), rows in rest.items():
            if rows:
                example = examples.get((column, kind), "")
                groups.append(group(kind, column, rows, example if rows == 1 else "", example))
        return sorted(groups, key=lambda group: -group["rows"])[:GROUPS]


def group(kind: str, column: str, rows: int, sentence: str, example: str) -> dict[str, Any]:
    """Return a group (see ImportRun.groups)."""
    return {"kind": kind, "column": column, "sentence": sentence, "example": example, "rows": rows}
