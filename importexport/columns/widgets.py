"""One class per kind of cell, both ways: ``clean`` reads it, ``render`` writes it, ``clean_column`` reads many fast.

Cells arrive *prepared* (see columns.prepare): formula mark off, trimmed, line ends as LF, NFC. What a widget stores
is the text that PostgreSQL's COPY reads, None being NULL.
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

from crm.models.fields import CURRENCIES, FORBIDDEN, TagList, is_email
from importexport import errors
from importexport.columns.cells import Cells
from importexport.files.header import fold_label

#: The COPY text of each cell, and the errors by position.
Cleaned = tuple[list[str | None], dict[int, errors.RowError]]


class Cell(Widget):
    """What all cells share. A subclass gives ``parse`` and, where ``str`` is not it, ``store`` and ``render``."""

    #: The kind of a typed spreadsheet cell.
    kind: ClassVar[str] = "text"
    #: ``render`` in SQL; ``{0}`` is the stored expression.
    sql: ClassVar[str] = "{0}"
    #: What a blank cell is read as, and its COPY text.
    blank: Any = None
    blank_stored: str | None = None
    #: What an existing record gets where its cell is cleared, in SQL, ``{column}`` being the record's other columns;
    #: "": what a blank cell is read as.
    cleared_sql: ClassVar[str] = ""
    #: Whether to clean a cell takes a look at other records, or at a column that does so.
    needs_records: ClassVar[bool] = False
    #: What a user should write, for templates and column help.
    help: str = ""
    example: str = ""

    @classmethod
    def for_field(cls, field: models.Field) -> "Cell":
        """Return the widget that holds the limits of a model field."""
        return cls()

    def bind(self, tenant: Any) -> None:
        """Take from the tenant what reading a cell depends on."""

    def parse(self, value: str, column: str) -> Any:
        """Return a cell's value; raise ValueError with the sentence for the user."""
        raise NotImplementedError

    def store(self, value: Any) -> str | None:
        """Return a value as COPY text."""
        return str(value)

    def clean(self, value: str | None, row: Mapping | None = None, *, column: str = "value", **_: Any) -> Any:
        """Return a prepared cell's value, or that of a blank; raise ValueError with the sentence for the user."""
        return self.parse(value, column) if value else self.blank

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        """Return a value as the text of a cell, without the formula mark."""
        return "" if value is None else str(value)

    def native(self, value: Any) -> Any:
        """Return a value as a workbook's cell has it."""
        return value

    def load(self, stored: str | None, field: models.Field) -> Any:
        """Return what a model's field has where COPY stores a text."""
        return field.to_python(stored)

    def look_at(self, record: Any, cells: Cells) -> None:
        """Take from a record what reading one of its cells depends on, besides its own columns."""

    def render_kept(self, value: Any) -> str:
        """Return a value that was kept as JSON (see models.RowChange) as the text of a cell."""
        return self.render(value)

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Clean a column of a batch; a widget that looks at other columns of the row overrides this."""
        return self.clean_column(cells.text(column), column=column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Return the COPY text of every cell and the errors by position; each distinct cell is parsed once."""
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
    """Return the errors of distinct values as errors by position."""
    return {i: wrong[value] for i, value in enumerate(values) if value in wrong} if wrong else {}


class Text(Cell):
    """A text, stored whole or refused."""

    blank = blank_stored = ""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.help = f"text, at most {limit} characters"

    @classmethod
    def for_field(cls, field: models.Field) -> "Text":
        """Take the limit from the model field."""
        assert field.max_length
        return cls(field.max_length)

    def parse(self, value: str, column: str) -> str:
        """Refuse characters that no text has, and more characters than the limit."""
        if FORBIDDEN.search(value):
            raise ValueError(errors.character(column))
        if len(value) > self.limit:
            raise ValueError(errors.too_long(column, self.limit))
        return value

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """One look at the joined column decides whether any cell needs its own."""
        if not has_forbidden(values) and max(map(len, values), default=0) <= self.limit:
            return list(values), {}
        return super().clean_column(values, column=column)


def has_forbidden(values: Iterable[str]) -> bool:
    """Whether a forbidden character is anywhere in a column."""
    joined = " ".join(values)
    return not joined.isprintable() and FORBIDDEN.search(joined) is not None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text at all, or be asked for it."""
    return FORBIDDEN.search(text) is None


class Email(Text):
    """An e-mail address, as the model's own validator understands it."""

    example = "ada@example.com"
    #: Addresses that surely pass the validator, nearly all there are; the rest is asked one by one.
    _PLAIN = re.compile(
        r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
    )

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.help = f"e-mail address, at most {limit} characters"

    def parse(self, value: str, column: str) -> str:
        """Refuse what is no address, then what is too long."""
        if not is_email(value):
            is_just_long = len(value) > self.limit and self._PLAIN.fullmatch(value)
            raise ValueError(errors.too_long(column, self.limit) if is_just_long else errors.email(value))
        return super().parse(value, column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Ask the validator only about addresses that are not plain."""
        is_plain, limit = self._PLAIN.fullmatch, self.limit
        odd = {value for value in values if value and not (is_plain(value) and len(value) <= limit)}
        wrong: dict[str, errors.RowError] = {}
        for value in odd:
            self._try(value, column, wrong)
        return list(values), spread(values, wrong)


class Choice(Cell):
    """One of a few values, found whatever the case, spaces, ``-`` and ``_``."""

    def __init__(self, values: Iterable[str], *, blank: str | None = None) -> None:
        super().__init__()
        self.values = list(values)
        self.blank = self.blank_stored = blank
        self._known = {fold_label(value): value for value in self.values}
        self.help = "one of " + ", ".join(self.values)
        self.example = self.values[0]

    @classmethod
    def for_field(cls, field: models.Field) -> "Choice":
        """Take choices and default from the model field."""
        return cls([value for value, _ in field.flatchoices], blank=field.default if field.has_default() else None)

    def parse(self, value: str, column: str) -> str:
        """Return the choice that a cell means."""
        try:
            return self._known[fold_label(value)]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class Currency(Choice):
    """An ISO 4217 code in use today; blank is the tenant's currency."""

    def __init__(self) -> None:
        super().__init__(sorted(CURRENCIES))
        self._known = {code.casefold(): code for code in CURRENCIES}
        self.help = "ISO 4217 code; blank: the tenant's currency"
        self.example = "EUR"

    @classmethod
    def for_field(cls, field: models.Field) -> "Currency":
        """All model fields with a currency take the same codes."""
        return cls()

    def bind(self, tenant: Any) -> None:
        """A blank cell is the tenant's currency."""
        self.blank = self.blank_stored = tenant.currency

    def parse(self, value: str, column: str) -> str:
        """Return the code in capitals; unlike a choice, a code has no spaces to pass over."""
        try:
            return self._known[value.casefold()]
        except KeyError:
            raise ValueError(errors.choice(column, value)) from None


class Whole(Cell):
    """A whole number from 0 to ``largest``, in ASCII digits."""

    kind = "whole"
    example = "42"
    _FORM = re.compile(r"[+-]?[0-9]+")

    def __init__(self, largest: int) -> None:
        super().__init__()
        self.largest = largest
        self.help = f"whole number, 0 to {largest}"

    @classmethod
    def for_field(cls, field: models.Field) -> "Whole":
        """Take the limit from the field's validators, or from its column type."""
        largest = min(int(v.limit_value) for v in field.validators if isinstance(v, MaxValueValidator))
        return cls(largest)

    def parse(self, value: str, column: str) -> int:
        """Refuse another form, then a number outside the limits."""
        if not self._FORM.fullmatch(value):
            raise ValueError(errors.number(column))
        digits = value.lstrip("+-").lstrip("0")
        if len(digits) > len(str(self.largest)):
            raise ValueError(errors.out_of_range(column))
        number = -int(digits or 0) if value[0] == "-" else int(digits or 0)
        if not 0 <= number <= self.largest:
            raise ValueError(errors.out_of_range(column))
        return number


class Amount(Cell):
    """A decimal ≥ 0 with at most two places: ``1234.5``, never ``1,234.5``, ``.5`` or ``1e3``."""

    kind = "amount"
    example = "1234.50"
    _FORM = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]{1,2}))?")

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.digits = digits
        self.help = f"decimal, at least 0, at most {digits} digits before the point and 2 after"

    @classmethod
    def for_field(cls, field: models.Field) -> "Amount":
        """Take the precision from the model field."""
        assert isinstance(field, models.DecimalField)
        assert field.decimal_places == 2
        return cls(field.max_digits - field.decimal_places)

    def parse(self, value: str, column: str) -> Decimal:
        """Refuse another form, then a number outside the limits; nothing is ever rounded."""
        if not (form := self._FORM.fullmatch(value)):
            raise ValueError(errors.number(column))
        sign, whole, places = form.groups()
        whole, places = whole.lstrip("0"), (places or "").ljust(2, "0")
        is_zero = not whole and places == "00"
        if len(whole) > self.digits or (sign == "-" and not is_zero):
            raise ValueError(errors.out_of_range(column))
        return Decimal(f"{whole or 0}.{places}")

    def render(self, value: Decimal | None, obj: Any = None, **_: Any) -> str:
        """Return the amount with two places."""
        return "" if value is None else f"{value:.2f}"


_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
_ZONE = r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_TIME}{_ZONE})?")


def parse_moment(text: str, zone: ZoneInfo) -> dt.date | dt.datetime:
    """Read an ISO 8601 date, or date and time (in UTC; one without an offset is in ``zone``). Raises ValueError."""
    if not (form := _MOMENT.fullmatch(text)):
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
    """Return a fraction of a second; finer ones than PostgreSQL keeps are refused rather than rounded."""
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
    """Return a zone's local time in UTC; ValueError where the zone skips it. One that comes twice is the first."""
    moment = local.replace(tzinfo=zone).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(local)
    return moment


class _Zoned(Cell):
    zone: ZoneInfo = ZoneInfo("UTC")

    def bind(self, tenant: Any) -> None:
        """Times without an offset are in the tenant's zone."""
        self.zone = tenant.zone


class Day(_Zoned):
    """A date; of a time, its date in the tenant's zone."""

    kind = "date"
    sql = "to_char({0}, 'YYYY-MM-DD')"
    help = "date, ISO 8601: 2025-06-15"
    example = "2025-06-15"

    def parse(self, value: str, column: str) -> dt.date:
        """Read an ISO 8601 date or date and time."""
        try:
            moment = parse_moment(value, self.zone)
            return moment.astimezone(self.zone).date() if isinstance(moment, dt.datetime) else moment
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None

    def render(self, value: dt.date | None, obj: Any = None, **_: Any) -> str:
        """Return the date in ISO 8601."""
        return "" if value is None else value.isoformat()

    def render_kept(self, value: str | None) -> str:
        """Return a date, which JSON keeps as the text that it is."""
        return value or ""


class Moment(_Zoned):
    """A date and time; of a date alone, that day's midnight in the tenant's zone."""

    kind = "moment"
    sql = "rtrim(rtrim(to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.') || 'Z'"
    help = "date and time, ISO 8601: 2025-06-15T14:30:00Z; without an offset, in the tenant's time zone"
    example = "2025-06-15T14:30:00Z"

    def parse(self, value: str, column: str) -> dt.datetime:
        """Read an ISO 8601 date and time, or a date."""
        try:
            moment = parse_moment(value, self.zone)
            if not isinstance(moment, dt.datetime):
                moment = in_zone(dt.datetime.combine(moment, dt.time()), self.zone)
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None
        return moment

    def store(self, value: dt.datetime) -> str:
        """Return the time in UTC, which is what COPY takes it for."""
        return value.isoformat()

    def render(self, value: dt.datetime | None, obj: Any = None, **_: Any) -> str:
        """Return the time in UTC, with a fraction of a second only where there is one."""
        if value is None:
            return ""
        text = value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
        return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"

    def native(self, value: dt.datetime | None) -> dt.datetime | None:
        """Return the time in UTC without saying so, for workbooks know no time zones."""
        return value and value.astimezone(dt.UTC).replace(tzinfo=None)

    def render_kept(self, value: str | None) -> str:
        """Return a time, which JSON keeps as text."""
        return self.render(dt.datetime.fromisoformat(value) if value else None)


class Tags(Cell):
    """Comma-separated tags: order kept, repeats dropped."""

    sql = "array_to_string({0}, ',')"
    blank_stored = "{}"
    example = "vip,newsletter"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.help = f"tags separated by commas, each at most {limit} characters"

    @property
    def blank(self) -> list[str]:
        """A fresh list, since its owner may change it."""
        return []

    @classmethod
    def for_field(cls, field: models.Field) -> "Tags":
        """Take the limit from the array's base field."""
        assert isinstance(field, TagList)
        return cls(cast(int, field.base_field.max_length))

    def parse(self, value: str, column: str) -> list[str]:
        """Refuse characters that no text has, and tags over the limit."""
        if FORBIDDEN.search(value):
            raise ValueError(errors.character(column))
        tags = list(dict.fromkeys(tag for part in value.split(",") if (tag := part.strip())))
        if any(len(tag) > self.limit for tag in tags):
            raise ValueError(errors.too_long(column, self.limit))
        return tags

    def store(self, value: list[str]) -> str:
        """Return a PostgreSQL array literal, every element quoted."""
        escaped = (tag.replace("\\", "\\\\").replace('"', '\\"') for tag in value)
        return "{" + ",".join(f'"{tag}"' for tag in escaped) + "}"

    def load(self, stored: str | None, field: models.Field) -> list[str]:
        """Read what ``store`` has written, in which quotes are JSON's."""
        return json.loads(f"[{(stored or '{}')[1:-1]}]", strict=False)

    def render(self, value: list[str] | None, obj: Any = None, **_: Any) -> str:
        """Return the tags, comma-separated."""
        return ",".join(value or [])


class StageProbability(Whole):
    """A probability in per cent; blank is that of the row's stage."""

    needs_records = True
    cleared_sql = "(SELECT x.probability FROM crm_stage x WHERE x.id = {stage_id})"

    def look_at(self, record: Any, cells: Cells) -> None:
        """Take the probability of the record's stage."""
        cells.stage_probabilities = [str(record.stage.probability) if record.stage_id else None]

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill the blanks from the stages that StageByName has found."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stage_probabilities, strict=True)
        return [value if text else probability for value, text, probability in filled], wrong


class ActivityStatus(Choice):
    """A status; blank is ``completed`` where the row says when, else ``pending``."""

    cleared_sql = "CASE WHEN {completed_at} IS NULL THEN 'pending' ELSE 'completed' END"

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Fill the blanks by completed_at."""
        stored, wrong = super().clean_cells(cells, column)
        filled = zip(stored, cells.text(column), cells.stored["completed_at"], strict=True)
        return [value if text or not done else "completed" for value, text, done in filled], wrong
