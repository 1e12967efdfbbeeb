"""Widgets, one per kind of cell: ``clean`` parses a cell, ``render`` formats it, ``clean_column`` parses a column fast.

Cells are already *prepared* (see columns.cells.prepare): without formula mark, trimmed, with LF line endings, in NFC.
Widgets return the text that PostgreSQL's COPY reads, with None for NULL.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, cast
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator
from django.db import models
from import_export.widgets import Widget

from crm.addresses import is_email
from crm.characters import trim, without_invisible
from crm.models.fields import CURRENCIES, FORBIDDEN, TagList, unrepeated
from importexport import errors
from importexport.columns.cells import Cells
from importexport.files.header import fold_label

#: The COPY text of each cell, and the errors by position.
Cleaned = tuple[list[str | None], dict[int, errors.RowError]]


class Cell(Widget):
    """Base class. Subclasses implement ``parse`` and, unless ``str`` is sufficient, ``store`` and ``render``."""

    #: The cell type in a workbook.
    kind: ClassVar[str] = "text"
    #: ``render`` in SQL; ``{0}`` is the stored expression.
    sql: ClassVar[str] = "{0}"
    #: The value of a blank cell, and its COPY text.
    blank: Any = None
    blank_stored: str | None = None
    #: The SQL value for an existing record whose cell is cleared; ``{column}`` stands for its other columns.
    #: "" means the value of a blank cell.
    cleared_sql: ClassVar[str] = ""
    #: Whether cleaning a cell requires other records, or another column that does.
    needs_records: ClassVar[bool] = False
    #: What to write in a cell, for templates and column help.
    help: str = ""
    example: str = ""

    @classmethod
    def for_field(cls, field: models.Field) -> "Cell":
        """Return a widget with the limits of a model field."""
        return cls()

    def bind(self, tenant: Any) -> None:
        """Take over the tenant's defaults for parsing."""

    def parse(self, value: str, column: str) -> Any:
        """Return the value of a cell; raise ValueError with a message for the user."""
        raise NotImplementedError

    def store(self, value: Any) -> str | None:
        """Return the COPY text of a value."""
        return str(value)

    def clean(self, value: str | None, row: Mapping | None = None, *, column: str = "value", **_: Any) -> Any:
        """Return the value of a prepared or blank cell; raise ValueError with a message for the user."""
        return self.parse(value, column) if value else self.blank

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        """Return the text of a value, without formula mark."""
        return "" if value is None else str(value)

    def native(self, value: Any) -> Any:
        """Return the value for a workbook cell."""
        return value

    def load(self, stored: str | None, field: models.Field) -> Any:
        """Return the model field's value for a COPY text."""
        return field.to_python(stored)

    def look_at(self, record: Any, cells: Cells) -> None:
        """Read the values from a record that parsing depends on, apart from the record's own columns."""

    def render_kept(self, value: Any) -> str:
        """Return the text of a value loaded from JSON (see models.RowChange)."""
        return self.render(value)

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Clean a column of a batch. Override to use other columns of the same row."""
        return self.clean_column(cells.text(column), column=column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Return the COPY text of each cell and the errors by position. Each distinct cell is parsed once."""
        known: dict[str, str | None] = {"": self.blank_stored}
        wrong: dict[str, errors.RowError] = {}
        for value in set(values):
            if value:
                known[value] = self._try(value, column, wrong)
        return [known[value] for value in values], spread(values, wrong)

    def _try(self, value: str, column: str, wrong: dict[str, errors.RowError]) -> str | None:
        try:
            return self.store(self.parse(value, column))
        except ValueError as error:
            wrong[value] = error.args[0]
            return None


def spread(values: Sequence[str], wrong: Mapping[str, errors.RowError]) -> dict[int, errors.RowError]:
    """Convert errors by value to errors by position."""
    return {i: wrong[value] for i, value in enumerate(values) if value in wrong} if wrong else {}


class Text(Cell):
    """A text. Texts that are too long are rejected, never truncated."""

    blank = blank_stored = ""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.help = f"text, at most {limit} characters"

    @classmethod
    def for_field(cls, field: models.Field) -> "Text":
        assert field.max_length
        return cls(field.max_length)

    def parse(self, value: str, column: str) -> str:
        """Reject forbidden characters, then texts over the limit."""
        if FORBIDDEN.search(value):
            raise ValueError(errors.character(column))
        if len(value) > self.limit:
            raise ValueError(errors.too_long(column, self.limit))
        return value

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Check the joined column first: if it is valid, no cell has to be checked."""
        if not has_forbidden(values) and max(map(len, values), default=0) <= self.limit:
            return list(values), {}
        return super().clean_column(values, column=column)


def has_forbidden(values: Iterable[str]) -> bool:
    """Whether any value contains a forbidden character."""
    joined = " ".join(values)
    return not joined.isprintable() and FORBIDDEN.search(joined) is not None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store a text or receive it as a parameter."""
    return FORBIDDEN.search(text) is None


class Email(Text):
    """An e-mail address, as validated by the model. It is stored as given, invisible characters included."""

    example = "ada@example.com"
    #: Matches almost all valid addresses. Only the others go to the slower validator. Possessive: what it has matched
    #: it does not keep for another try, however long the text is.
    _PLAIN = re.compile(
        r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+@"
        r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+\.)++[A-Za-z]{2,63}"
    )

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.help = f"e-mail address, at most {limit} characters"

    def parse(self, value: str, column: str) -> str:
        """Reject invalid addresses, then those that are too long."""
        if not is_email(value):
            is_just_long = len(value) > self.limit and self._PLAIN.fullmatch(value)
            raise ValueError(errors.too_long(column, self.limit) if is_just_long else errors.email(value))
        return super().parse(value, column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Use the validator only for addresses that do not match the pattern."""
        is_plain, limit = self._PLAIN.fullmatch, self.limit
        odd = {value for value in values if value and not (len(value) <= limit and is_plain(value))}
        wrong: dict[str, errors.RowError] = {}
        for value in odd:
            self._try(value, column, wrong)
        return list(values), spread(values, wrong)


class Choice(Cell):
    """One of several values. Case, spaces, ``-`` and ``_`` are ignored."""

    def __init__(self, values: Iterable[str], *, blank: str | None = None) -> None:
        super().__init__()
        self.values = list(values)
        self.blank = self.blank_stored = blank
        self._known = {fold_label(value): value for value in self.values}
        self.help = "one of " + ", ".join(self.values)
        self.example = self.values[0]

    @classmethod
    def for_field(cls, field: models.Field) -> "Choice":
        return cls([value for value, _ in field.flatchoices], blank=field.default if field.has_default() else None)

    def parse(self, value: str, column: str) -> str:
        try:
            return self._known[fold_label(value)]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class Currency(Choice):
    """An ISO 4217 code in current use. Blank means the tenant's currency."""

    def __init__(self) -> None:
        super().__init__(sorted(CURRENCIES))
        self._known = {code.casefold(): code for code in CURRENCIES}
        self.help = "ISO 4217 code; blank: the tenant's currency"
        self.example = "EUR"

    @classmethod
    def for_field(cls, field: models.Field) -> "Currency":
        return cls()

    def bind(self, tenant: Any) -> None:
        """Use the tenant's currency for blank cells."""
        self.blank = self.blank_stored = tenant.currency

    def parse(self, value: str, column: str) -> str:
        """Return the code in upper case. Unlike in choices, spaces are not ignored."""
        try:
            return self._known[without_invisible(value).casefold()]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class Whole(Cell):
    """A whole number from 0 to ``largest`` in ASCII digits: ``12``, also ``12.0``, never ``12.5``."""

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


_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
_ZONE = r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_TIME}{_ZONE})?")


def parse_moment(text: str, zone: ZoneInfo) -> dt.date | dt.datetime:
    """Parse an ISO 8601 date, or date and time (without offset: in ``zone``). Raise ValueError if invalid."""
    if not (form := _MOMENT.fullmatch(without_invisible(text))):
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = form.groups()
    date = dt.date(int(year), int(month), int(day))
    if hour is None:
        return date
    time = dt.time(int(hour), int(minute), int(second or 0), _microseconds(fraction or ""))
    try:
        return _in_utc(dt.datetime.combine(date, time), offset, zone)
    except OverflowError:
        raise ValueError(text) from None


def _microseconds(fraction: str) -> int:
    """Parse a fraction of a second. More digits than PostgreSQL stores are rejected rather than rounded."""
    digits = fraction.rstrip("0")
    if len(digits) > 6:
        raise ValueError(fraction)
    return int(digits.ljust(6, "0"))


def _in_utc(local: dt.datetime, offset: str | None, zone: ZoneInfo) -> dt.datetime:
    if offset is None:
        return in_zone(local, zone)
    if offset == "Z":
        return local.replace(tzinfo=dt.UTC)
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(offset)
    delta = dt.timedelta(hours=hours, minutes=minutes)
    return (local - delta if offset[0] == "+" else local + delta).replace(tzinfo=dt.UTC)


def in_zone(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Convert local time to UTC. If it occurs twice, use the first; if the zone skips it, raise ValueError."""
    moment = local.replace(tzinfo=zone).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(local)
    return moment


class _Zoned(Cell):
    zone: ZoneInfo = ZoneInfo("UTC")

    def bind(self, tenant: Any) -> None:
        """Use the tenant's time zone for times without offset."""
        self.zone = tenant.zone


class Day(_Zoned):
    """A date. Of a time, the date in the tenant's time zone."""

    kind = "date"
    sql = "to_char({0}, 'YYYY-MM-DD')"
    help = "date, ISO 8601: 2025-06-15"
    example = "2025-06-15"

    def parse(self, value: str, column: str) -> dt.date:
        try:
            moment = parse_moment(value, self.zone)
            return moment.astimezone(self.zone).date() if isinstance(moment, dt.datetime) else moment
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None

    def render(self, value: dt.date | None, obj: Any = None, **_: Any) -> str:
        return "" if value is None else value.isoformat()

    def render_kept(self, value: str | None) -> str:
        """Return the date, which JSON stores as text."""
        return value or ""


class Moment(_Zoned):
    """A date and time. A date alone means midnight in the tenant's time zone."""

    kind = "moment"
    sql = "rtrim(rtrim(to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.') || 'Z'"
    help = "date and time, ISO 8601: 2025-06-15T14:30:00Z; without an offset, in the tenant's time zone"
    example = "2025-06-15T14:30:00Z"

    def parse(self, value: str, column: str) -> dt.datetime:
        try:
            moment = parse_moment(value, self.zone)
            if not isinstance(moment, dt.datetime):
                moment = in_zone(dt.datetime.combine(moment, dt.time()), self.zone)
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None
        return moment

    def store(self, value: dt.datetime) -> str:
        """Return the time in ISO 8601 with offset, as COPY reads it."""
        return value.isoformat()

    def render(self, value: dt.datetime | None, obj: Any = None, **_: Any) -> str:
        """Return the time in UTC, with fractions of a second only if needed."""
        if value is None:
            return ""
        text = value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
        return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"

    def native(self, value: dt.datetime | None) -> str:
        """Return the text: the library's workbooks would show a time without its zone, as local time to whoever
        imports it."""
        return self.render(value)

    def render_kept(self, value: str | None) -> str:
        """Return the time, which JSON stores as text."""
        return self.render(dt.datetime.fromisoformat(value) if value else None)


class Tags(Cell):
    """Comma-separated tags, in their order and, ignoring case, without repeats."""

    sql = "array_to_string({0}, ',')"
    blank_stored = "{}"
    example = "vip,newsletter"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.help = f"tags separated by commas, each at most {limit} characters"

    @property
    def blank(self) -> list[str]:
        """A new list each time, because callers may change it."""
        return []

    @classmethod
    def for_field(cls, field: models.Field) -> "Tags":
        """Return a widget with the length limit of the array's base field."""
        assert isinstance(field, TagList)
        return cls(cast(int, field.base_field.max_length))

    def parse(self, value: str, column: str) -> list[str]:
        """Reject forbidden characters, then tags over the limit."""
        if FORBIDDEN.search(value):
            raise ValueError(errors.character(column))
        tags = unrepeated(tag for part in value.split(",") if (tag := trim(part)))
        if any(len(tag) > self.limit for tag in tags):
            raise ValueError(errors.too_long(column, self.limit))
        return tags

    def store(self, value: list[str]) -> str:
        """Return a PostgreSQL array literal with all elements quoted."""
        escaped = (tag.replace("\\", "\\\\").replace('"', '\\"') for tag in value)
        return "{" + ",".join(f'"{tag}"' for tag in escaped) + "}"

    def load(self, stored: str | None, field: models.Field) -> list[str]:
        """Parse the literal that ``store`` returns; its quoting is also valid JSON."""
        return json.loads(f"[{(stored or '{}')[1:-1]}]", strict=False)

    def render(self, value: list[str] | None, obj: Any = None, **_: Any) -> str:
        return ",".join(value or [])


class StageProbability(Whole):
    """A probability in per cent. Blank means the probability of the row's stage."""

    needs_records = True
    cleared_sql = "(SELECT x.probability FROM crm_stage x WHERE x.id = {stage_id})"

    def look_at(self, record: Any, cells: Cells) -> None:
        """Read the probability of the record's stage."""
        cells.stage_probabilities = [str(record.stage.probability) if record.stage_id else None]

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill blank cells with the probabilities of the stages found by StageByName."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stage_probabilities, strict=True)
        return [value if text else probability for value, text, probability in filled], wrong


class ActivityStatus(Choice):
    """A status. Blank means ``completed`` if the row has a completion time, else ``pending``."""

    cleared_sql = "CASE WHEN {completed_at} IS NULL THEN 'pending' ELSE 'completed' END"

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill blank cells depending on completed_at."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stored["completed_at"], strict=True)
        return [value if text or not done else "completed" for value, text, done in filled], wrong
