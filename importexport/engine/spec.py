"""The specification of an entity for an import: its model, columns and keys."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models

from crm.models.fields import folded_fields
from importexport.columns.fields import Column
from importexport.columns.references import can_create


@dataclass(frozen=True)
class Key:
    """A unique key: the ``column`` that messages name, and the database column that stores it.

    ``others`` maps the other columns of a composite key to their database columns. ``details`` does so for columns that
    distinguish records with the same key; unlike the key, an import may change them.
    """

    column: str
    stored: str
    others: Mapping[str, str] = field(default_factory=dict, hash=False)
    details: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def columns(self) -> list[str]:
        """The columns of the file that form the key."""
        return [self.column, *self.others]

    @property
    def stored_columns(self) -> list[str]:
        """The database columns of the key."""
        return [self.stored, *self.others.values()]


#: The id of a record in another program: unique where it is given.
EXTERNAL_ID = Key("external_id", "external_id", {"external_source": "external_source"})


@dataclass(frozen=True)
class EntitySpec:
    """The specification of an entity.

    ``columns`` has all columns of a record, in the order of templates; ``order`` names those to clean first, because
    others depend on them. ``in_templates`` names the columns of templates and exports, in their order, and ``in_files``
    those that files can have; the others are treated as blank. If several ``keys`` are duplicates, the message names
    the first. The first of ``match_keys`` is the default for matching rows with records. An import requires a
    ``tenant``.

    If rows may be incomplete, it is enough that one of the columns that a record is ``known_by`` is given, and each of
    the ``stand_ins`` fills a blank cell by another column's value.
    """

    entity: str
    noun: str
    model: type[models.Model]
    keys: tuple[Key, ...]
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    in_templates: tuple[str, ...]
    in_files: tuple[str, ...]
    match_keys: tuple[Key, ...]
    known_by: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict, hash=False)
    tenant: Any = None

    @property
    def column_names(self) -> list[str]:
        """The header of templates and exports."""
        return list(self.in_templates)

    @property
    def required_names(self) -> list[str]:
        """The columns that a new record requires."""
        return [column.column_name for column in self.columns if column.required]

    def required_names_of(self, *, may_be_incomplete: bool) -> list[str]:
        """Return the columns that a new record requires, or those that even an incomplete row has."""
        optional = {*self.known_by, *self.stand_ins} if may_be_incomplete else set()
        return [name for name in self.required_names if name not in optional]

    @property
    def cleaned_columns(self) -> list[Column]:
        """The columns in the order in which they are cleaned, because some depend on others."""
        by_name = {column.column_name: column for column in self.columns}
        return [by_name[name] for name in dict.fromkeys([*self.order, *by_name])]

    @property
    def own_columns(self) -> list[str]:
        """The database columns that store the cells of a row."""
        return [column.stores for column in self.columns]

    @property
    def stored_columns(self) -> list[str]:
        """The database columns that an import writes, including matching keys."""
        return self.own_columns + [str(folded.column) for folded in folded_fields(self.model)]

    @property
    def creates_references(self) -> bool:
        """Whether an import can create records that rows refer to."""
        return any(can_create(column) for column in self.columns if column.column_name in self.in_files)

    def for_file(self, names: Container[str]) -> "EntitySpec":
        """Return the specification for a file with these columns: without external ids if it has none.

        Such an import stores and checks nothing of them. With ids, they are the first key.
        """
        has_ids = EXTERNAL_ID.column in names
        kept = EXTERNAL_ID.columns if has_ids else []
        columns = [c for c in self.columns if c.in_template or c.column_name in kept or c.column_name in names]
        return replace(self, columns=tuple(columns), keys=(EXTERNAL_ID, *self.keys) if has_ids else self.keys)

    def column(self, name: str) -> Column:
        """Return the column with this name."""
        return next(column for column in self.columns if column.column_name == name)

    def key(self, column: str) -> Key:
        """Return the key with this column; raise KeyError if there is none."""
        return {key.column: key for key in (*self.keys, EXTERNAL_ID)}[column]

    def needed_names(self, match_on: str = "", *, may_be_incomplete: bool = False) -> list[str]:
        """Return the columns that a file must have and no row may leave blank.

        If rows are matched by a key (``match_on``), only the required columns of the key are needed. Of external ids,
        the file must have the column, but a row may leave it blank.
        """
        required = self.required_names_of(may_be_incomplete=may_be_incomplete)
        if not match_on:
            return required
        needed = {*required} if may_be_incomplete else {match_on, *required}
        needed.intersection_update(self.key(match_on).columns)
        return [column.column_name for column in self.columns if column.column_name in needed]
