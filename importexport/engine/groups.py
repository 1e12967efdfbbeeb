"""Groups errors, or warnings, of the same kind while an import runs."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from importexport.engine.outcome import ColumnError

#: The maximum number of distinct messages to count, and of groups to keep.
SENTENCES, GROUPS = 10_000, 200


class Groups:
    """Counts errors by message, up to a limit, and by code and column."""

    def __init__(self) -> None:
        self._sentences: Counter[tuple[str, str, str]] = Counter()
        self._codes: Counter[tuple[str, str]] = Counter()

    @property
    def count(self) -> int:
        """The number of errors."""
        return self._codes.total()

    def add(self, found: Iterable[ColumnError]) -> None:
        for column, error in found:
            self._codes[column, error.code] += 1
            key = (column, error.code, str(error))
            if key in self._sentences or len(self._sentences) < SENTENCES:
                self._sentences[key] += 1

    def listed(self) -> list[dict[str, Any]]:
        """Return the groups, most frequent first: messages shared by several rows, the others by code."""
        shared = {key: rows for key, rows in self._sentences.items() if rows > 1}
        rest = self._codes.copy()
        for (column, code, _), rows in shared.items():
            rest[column, code] -= rows
        examples: dict[tuple[str, str], str] = {}
        for column, code, sentence in self._sentences:
            if (column, code, sentence) not in shared:
                examples.setdefault((column, code), sentence)
        groups = [group(code, column, rows, sentence, sentence) for (column, code, sentence), rows in shared.items()]
        for (column, code), rows in rest.items():
            if rows:
                example = examples.get((column, code), "")
                groups.append(group(code, column, rows, example if rows == 1 else "", example))
        return sorted(groups, key=lambda group: -group["rows"])[:GROUPS]


def group(code: str, column: str, rows: int, sentence: str, example: str) -> dict[str, Any]:
    """Return a group (see ImportRun.groups)."""
    return {"code": code, "column": column, "sentence": sentence, "example": example, "rows": rows}
