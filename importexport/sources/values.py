"""What other programs' values mean: their choices as ours, by a table (``data/values.csv``) and by the caller."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from importexport.files.header import fold_label


@cache
def value_lines() -> list[dict[str, str]]:
    """Return the lines of the table."""
    table = files("importexport.sources").joinpath("data", "values.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(table.splitlines(), strict=True))


@cache
def value_maps() -> dict[str, dict[str, str]]:
    """Return the maps by name, each from the folded value of another program to ours."""
    maps: dict[str, dict[str, str]] = defaultdict(dict)
    for line in value_lines():
        maps[line["map"]][fold_label(line["value"])] = line["ours"]
    return dict(maps)


class Values:
    """The values of a column: ``own`` ones, those that a caller gives (None: leave blank), and those of a map.

    A value that neither knows stays as it is, for the column to judge.
    """

    def __init__(self, *, own: Iterable[str] = (), given: Mapping[str, str | None] | None = None, map_name: str = ""):
        known = dict(value_maps().get(map_name, {}))
        for value in own:
            known[fold_label(value)] = value
        for value, ours in (given or {}).items():
            known[fold_value(value)] = ours or ""
        self._known = known

    def __bool__(self) -> bool:
        return bool(self._known)

    def meant(self, text: str) -> str:
        """Return our value for another program's."""
        return self._known.get(fold_value(text), text) if text else ""

    def each_meant(self, text: str) -> str:
        """Return our value for another program's, or for each of those in a list, separated by commas."""
        whole, each = self.meant(text), text.split(",")
        if whole != text or '"' in text:
            return whole
        meant = [self.meant(one.strip()) for one in each]
        return ",".join(meant) if meant != [one.strip() for one in each] else text


def fold_value(text: str) -> str:
    """Return the key under which values match, as choices do; of a text of dashes alone, which is no blank, itself."""
    return fold_label(text) or text
