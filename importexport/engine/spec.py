"""What an import has to know of an entity: its model, columns and keys, for one tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from crm.models.fields import folded_fields
from importexport.columns.fields import Column
from importexport.columns.references import can_create


@dataclass(frozen=True)
class Key:
    """What makes two rows the same record: the ``column`` that a message names, and the database column under it.

    ``others`` are the other columns of the file that are part of it, with their database columns.
    """

    column: str
    stored: str
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def columns(self) -> list[str]:
        """The columns of the file that say which record a row is."""
        return [self.column, *self.others]


@dataclass(frozen=True)
class EntitySpec:
    """An entity as the importers see it.

    ``columns`` are all that a record gets, in the contract's order; ``order`` names those that are cleaned first, for
    others depend on them. ``in_files`` names those that files have, in the order of templates and exports; of the
    others, cells are blank. Of several ``keys`` that are taken, a message names the first; by the first of
    ``match_keys``, rows find their records unless the options say otherwise. Without a ``tenant`` it only describes:
    nothing can be imported.
    """

    entity: str
    noun: str
    model: type[models.Model]
    keys: tuple[Key, ...]
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    in_files: tuple[str, ...]
    match_keys: tuple[Key, ...]
    tenant: Any = None

    @property
    def column_names(self) -> list[str]:
        """The header of templates and exports."""
        return list(self.in_files)

    @property
    def required_names(self) -> list[str]:
        """The columns that a new record needs."""
        return [column.column_name for column in self.columns if column.required]

    @property
    def cleaned_columns(self) -> list[Column]:
        """The columns in the order in which they are cleaned: some depend on others."""
        by_name = {column.column_name: column for column in self.columns}
        return [by_name[name] for name in dict.fromkeys([*self.order, *by_name])]

    @property
    def own_columns(self) -> list[str]:
        """The database columns that the file's columns fill."""
        return [column.stores for column in self.columns]

    @property
    def stored_columns(self) -> list[str]:
        """The database columns that an import fills, matching keys included."""
        return self.own_columns + [str(folded.column) for folded in folded_fields(self.model)]

    @property
    def creates_references(self) -> bool:
        """Whether a row can name a record that could be created from its name."""
        return any(can_create(column) for column in self.columns if column.column_name in self.in_files)

    def key(self, column: str) -> Key:
        """Return the key that a column names; raise KeyError for a column that is none."""
        return {key.column: key for key in self.keys}[column]

    def needed_names(self, match_on: str = "") -> list[str]:
        """Return the columns that a file must have, and no row may leave blank.

        Where rows find records by a key (``match_on``), they need to say no more than which record they are.
        """
        if not match_on:
            return self.required_names
        needed = {match_on, *self.required_names}.intersection(self.key(match_on).columns)
        return [column.column_name for column in self.columns if column.column_name in needed]
