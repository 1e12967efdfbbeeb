"""How a column writes its cells, by proof: the one way in which all of them can be read, never the likelier one."""

from collections.abc import Collection, Iterable, Sequence

#: The most rows that a question shows, and the most different cells that are remembered as looked at.
EXAMPLES, REMEMBERED = 3, 50_000


class Proof:
    """Collects what the cells of a column say about how it writes them. Subclasses say what one cell allows."""

    def __init__(self, ways: Iterable[str]) -> None:
        self.possible = set(ways)
        #: The first rows that can be read in several ways, and the first that excludes each way: row and cell.
        self.examples: list[tuple[int, str]] = []
        self.excluded_by: dict[str, tuple[int, str]] = {}
        self._known: set[str] = set()

    def allowed(self, cell: str) -> Collection[str]:
        """Return the ways in which a cell can be read; none for one that says nothing."""
        raise NotImplementedError

    def add(self, rows: Iterable[int], cells: Sequence[str]) -> None:
        """Take a batch's cells into account, with their row numbers."""
        for row, cell in zip(rows, cells, strict=True):
            if cell and cell not in self._known:
                if len(self._known) < REMEMBERED:
                    self._known.add(cell)
                self._look_at(row, cell)

    def _look_at(self, row: int, cell: str) -> None:
        ways = set(self.allowed(cell))
        if not ways:
            return
        if len(self.examples) < EXAMPLES and len(ways) > 1:
            self.examples.append((row, cell.strip()))
        for way in self.possible - ways:
            self.excluded_by.setdefault(way, (row, cell.strip()))
        self.possible &= ways

    @property
    def way(self) -> str | None:
        """The only way in which all cells can be read; "" if it makes no difference, None if nothing decides."""
        if not self.excluded_by:
            return None if self.examples else ""
        return next(iter(self.possible)) if len(self.possible) == 1 else None

    @property
    def is_contradictory(self) -> bool:
        """Whether no way fits all cells."""
        return not self.possible

    @property
    def undecided(self) -> list[tuple[int, str]]:
        """The rows and cells that show why nothing decides."""
        return list(self.excluded_by.values()) if self.is_contradictory else self.examples
