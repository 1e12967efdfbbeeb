"""Where the columns and bars of a chart stand.

Across in per cent, upwards in pixels: so a chart fills any width, while its texts keep the size of the page's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

#: How much of its place a column fills.
FILL = 0.64


@dataclass(frozen=True)
class Column:
    """A column of a chart: the place that it has, and the part of the place that it fills."""

    left: str
    place: str
    middle: str
    x: str
    width: str
    y: int
    height: int


def columns(values: Sequence[float], *, height: int, largest: float = 0) -> list[Column]:
    """Return a column for each value, in a drawing of that many pixels; what is not nothing is seen."""
    largest = max([*values, largest])
    place = 100 / len(values)
    made = []
    for position, value in enumerate(values):
        pixels = max(2, round(value / largest * height)) if value else 0
        left = place * position
        made.append(
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
    return made


def bar(value: Decimal, largest: Decimal) -> str:
    """Return how wide a bar is; what is not nothing is seen."""
    return per_cent(max(0.6, float(value / largest * 100)) if value else 0)


def per_cent(number: float) -> str:
    """Return a length of SVG, whatever the page's language."""
    return f"{number:.2f}%"
