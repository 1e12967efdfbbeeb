"""Cells with text: plain text, e-mail addresses and tags."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.db import models

from crm.addresses import is_email
from crm.characters import trim
from crm.models.fields import FORBIDDEN, TagList, unrepeated
from importexport import errors
from importexport.columns.widgets.base import Cell, Cleaned, spread


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

    form = "email"
    example = "ada@example.com"
    #: Matches almost all valid addresses. Only the others go to the slower validator.
    _PLAIN = re.compile(r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*@(?:(?!-)[A-Za-z0-9-]{1,63}+(?<!-)\.)+[A-Za-z]{2,63}")
    #: The same for texts that are too long, which a repeat of parts would need memory for: what no plain address has
    #: before its @ and behind it, and how it ends.
    _NO_USER = re.compile(r"[^A-Za-z0-9_+.-]|(?:\A|\.)(?:\.|\Z)")
    _NO_HOST = re.compile(r"[^A-Za-z0-9.-]|(?:\A|\.)(?:[.-]|\Z)|-(?:\.|\Z)|[A-Za-z0-9-]{64}")
    _TOP = re.compile(r"[A-Za-z]{2,63}")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.help = f"e-mail address, at most {limit} characters"

    def parse(self, value: str, column: str) -> str:
        """Reject invalid addresses, then those that are too long."""
        if not is_email(value):
            raise ValueError(errors.too_long(column, self.limit) if self._is_just_long(value) else errors.email(value))
        return super().parse(value, column)

    def _is_just_long(self, value: str) -> bool:
        """Whether a text is a plain address but for its length."""
        if len(value) <= self.limit:
            return False
        user, _, host = value.rpartition("@")
        _, dot, top = host.rpartition(".")
        ends_well = bool(dot and self._TOP.fullmatch(top))
        return ends_well and not self._NO_USER.search(user) and not self._NO_HOST.search(host)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Use the validator only for addresses that do not match the pattern."""
        is_plain, limit = self._PLAIN.fullmatch, self.limit
        odd = {value for value in values if value and not (len(value) <= limit and is_plain(value))}
        wrong: dict[str, errors.RowError] = {}
        for value in odd:
            self._try(value, column, wrong)
        return list(values), spread(values, wrong)


class Tags(Cell):
    """Comma-separated tags, in their order and, ignoring case, without repeats."""

    form = "tags"
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
