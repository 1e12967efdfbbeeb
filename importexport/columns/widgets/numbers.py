"""Cells with numbers."""

import re
from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models

from crm.characters import without_invisible
from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.widgets.base import Cell, Cleaned


class Whole(Cell):
    """A whole number from 0 to ``largest`` in ASCII digits: ``12``, also ``12.0``, never ``12.5``."""

    form = "whole"
    kind = "whole"
    example = "42"
    _FORM = re.compile(r"([+-]?)([0-9]+)(?:\.0++)?")

    def __init__(self, largest: int) -> None:
        super().__init__()
        self.largest = largest
        self.help = f"whole number, 0 to {largest}"

    @classmethod
    def for_field(cls, field: models.Field) -> "Whole":
        largest = min(int(v.limit_value) for v in field.validators if isinstance(v, MaxValueValidator))
        return cls(largest)

    def parse(self, value: str, column: str) -> int:
        """Reject invalid formats, then numbers out of range."""
        if not (form := self._FORM.fullmatch(without_invisible(value))):
            raise ValueError(errors.number(column))
        sign, digits = form[1], form[2].lstrip("0") or "0"
        is_negative = sign == "-" and digits != "0"
        if is_negative or len(digits) > len(str(self.largest)) or int(digits) > self.largest:
            raise ValueError(errors.out_of_range(column))
        return int(digits)


class Amount(Cell):
    """A decimal ≥ 0 with two places, besides zeros after them: ``1234.5``, ``12.000``, never ``1,234.5`` or ``.5``."""

    form = "amount"
    kind = "amount"
    example = "1234.50"
    _FORM = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]{1,2})0*+)?")

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.digits = digits
        self.help = f"decimal, at least 0, at most {digits} digits before the point and 2 after"

    @classmethod
    def for_field(cls, field: models.Field) -> "Amount":
        assert isinstance(field, models.DecimalField)
        assert field.decimal_places == 2
        return cls(field.max_digits - field.decimal_places)

    def parse(self, value: str, column: str) -> Decimal:
        """Reject invalid formats, then numbers out of range. Numbers are never rounded."""
        if not (form := self._FORM.fullmatch(without_invisible(value))):
            raise ValueError(errors.number(column))
        sign, whole, places = form.groups()
        whole, places = whole.lstrip("0"), (places or "").ljust(2, "0")
        is_zero = not whole and places == "00"
        if len(whole) > self.digits or (sign == "-" and not is_zero):
            raise ValueError(errors.out_of_range(column))
        return Decimal(f"{whole or 0}.{places}")

    def render(self, value: Decimal | None, obj: Any = None, **_: Any) -> str:
        return "" if value is None else f"{value:.2f}"


class StageProbability(Whole):
    """A probability in per cent. Blank means the probability of the row's stage."""

    form = "percent"
    needs_records = True
    cleared_sql = "(SELECT x.probability FROM crm_stage x WHERE x.tenant_id = t.tenant_id AND x.id = {stage_id})"

    def look_at(self, record: Any, cells: Cells) -> None:
        """Read the probability of the record's stage."""
        cells.stage_probabilities = [str(record.stage.probability) if record.stage_id else None]

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill blank cells with the probabilities of the stages found by StageByName."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stage_probabilities, strict=True)
        return [value if text else probability for value, text, probability in filled], wrong
