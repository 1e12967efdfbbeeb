"""Positions of the columns and bars of a chart.

Horizontal lengths are percentages and vertical ones pixels, so that a chart fills any width while its text keeps the
font size of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

#: The share of its slot that a column fills.
FILL = 0.64


@dataclass(frozen=True)
class Column:
    """A column of a chart: its slot, and the filled part of the slot."""

    left: str
    place: str
    middle: str
    x: str
    width: str
    y: int
    height: int


def columns(values: Sequence[float], *, height: int, largest: float = 0) -> list[Column]:
    """Return a column for each value, for a chart of that height in pixels. Values above zero are always visible."""
    largest = max([*values, largest])
    place = 100 / len(values)
    result = []
    for position, value in enumerate(values):
        pixels = max(2, round(value / largest * height)) if value else 0
        left = place * position
        result.append(
            Column(
                left=per_cent(left),
                place=per_cent(place),
                middle=per_cent(left + place / 2),
                x=per_cent(left + place * (1 - FILL) / 2),
                width=per_cent(place * FILL),
                y=height - pixels,
                height=pixels,
            )
        )
    return result


def bar(value: Decimal, largest: Decimal) -> str:
    """Return the width of a bar. Values above zero are always visible."""
    return per_cent(max(0.6, float(value / largest * 100)) if value else 0)


def per_cent(number: float) -> str:
    """Return a percentage for SVG, independent of the locale."""
    return f"{number:.2f}%"
