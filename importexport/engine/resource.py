"""The base class of resources, which declare the columns of an entity for imports and exports."""

import logging
from collections.abc import Collection, Container, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from crm.models import Tenant
from importexport.columns.fields import Column
from importexport.columns.widgets import Cell, Moment, Whole
from importexport.db import Busy
from importexport.engine.fixes import Fixes
from importexport.engine.importer import Importer
from importexport.engine.library import LibraryResource
from importexport.engine.observers import Observer
from importexport.engine.options import Options, completed
from importexport.engine.report import Report
from importexport.engine.row_results import RowResults
from importexport.engine.spec import EXTERNAL_ID, EntitySpec
from importexport.engine.upsert.by_id import IdImporter
from importexport.engine.upsert.importer import UpsertImporter
from importexport.errors import FileError
from importexport.files.column_hints import column_hints
from importexport.files.table import DatasetRows, Table
from importexport.sources.layout import Target

logger = logging.getLogger(__name__)
#: What an export can have besides the columns of files, and an import never sets.
BESIDES: dict[str, type[Cell]] = {"id": Whole, "created_at": Moment, "updated_at": Moment}


class EntityResource(LibraryResource):
    """A django-import-export resource that imports and exports by COPY, a column at a time.

    Subclasses declare columns, in the order of templates, and in ``Meta`` the ``model`` and ``import_order`` (columns
    must come after those they depend on). An instance is for one tenant and one import. COPY ignores ``default``,
    ``auto_now``, ``save()`` and signals of models, so fields without a column, such as timestamps, need a
    ``db_default``.

    Works as documented by django-import-export. What COPY does not allow is rejected when the class is defined (see
    ResourceClass). ``Meta.import_id_fields`` is the default of the option ``match_on``, ``Meta.fields`` and ``exclude``
    choose the columns of files, and an upsert skips unchanged records. By default, rows that match an existing record
    are rejected; ``options`` can allow an import to update it.
    """

    entity: ClassVar[str]
    noun: ClassVar[str]
    #: The columns by which exports and lists can be filtered.
    filters: ClassVar[tuple[str, ...]] = ()
    #: The columns of which an incomplete row needs only one, and the columns whose values stand in for blank cells of
    #: others, if rows may be incomplete.
    known_by: ClassVar[tuple[str, ...]] = ()
    stand_ins: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        tenant: Tenant | None = None,
        *,
        options: Options | None = None,
        fixes: Fixes | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(tenant, **kwargs)
        self.fixes = fixes
        self.options = completed(options or Options(), self.describe())

    @classmethod
    def describe(cls) -> EntitySpec:
        """Return the specification of the entity, without a tenant."""
        return cls._spec(cls.declared.values())

    @property
    def spec(self) -> EntitySpec:
        """The specification of the entity for the resource's tenant."""
        return self._spec(self.stored.values(), self.tenant)

    @classmethod
    def _spec(cls, columns: Collection[Column], tenant: Tenant | None = None) -> EntitySpec:
        return EntitySpec(
            entity=cls.entity,
            noun=cls.noun,
            model=cls._meta.model,
            keys=cls.keys,
            columns=tuple(column for column in columns if not column.finds),
            order=tuple(cls._meta.import_order or ()),
            in_templates=tuple(cls.fields),
            in_files=tuple(cls.accepted),
            match_keys=tuple(cls.match_keys()),
            known_by=cls.known_by,
            stand_ins=cls.stand_ins,
            tenant=tenant,
        )

    @classmethod
    def column_names(cls) -> list[str]:
        """Return the header of templates and exports."""
        return cls.describe().column_names

    @classmethod
    def required_names(cls) -> list[str]:
        """Return the columns that a new record requires."""
        return cls.describe().required_names

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of files, in order."""
        return tuple(self.fields.values())

    @property
    def in_files(self) -> dict[str, Column]:
        """The columns that a file can have: those of the template, then the others."""
        others = {name: self.stored[name] for name in self.accepted if name not in type(self).fields}
        return {**self.fields, **others}

    @property
    def exportable(self) -> dict[str, Column]:
        """The columns that an export can have: those of files, then the record's id and times."""
        return {**self.in_files, **self._besides}

    @cached_property
    def _besides(self) -> dict[str, Column]:
        return {name: self._besides_column(name, widget) for name, widget in BESIDES.items()}

    def _besides_column(self, name: str, widget: type[Cell]) -> Column:
        column = Column(widget, getattr(self._meta.model, name))
        column.column_name = name
        column.widget.bind(self.tenant)
        return column

    @property
    def targets(self) -> dict[str, Target]:
        """What another program's file has to know of the columns, by name."""
        return {name: column.target for name, column in self.stored.items()}

    def needed_names(self, present: Container[str] = ()) -> list[str]:
        """Return the columns that a file must have with the resource's options, if it has these columns.

        Raises ImproperlyConfigured if Meta excludes one of them.
        """
        may_be_incomplete = self.options.incomplete == "accept"
        match_on = self.options.for_file(present).match_on
        needed = self.spec.needed_names(match_on, may_be_incomplete=may_be_incomplete)
        if left_out := [name for name in needed if name not in self.in_files]:
            raise ImproperlyConfigured(
                f"{type(self).__name__} excludes {', '.join(left_out)}, which every {self.noun} requires: it can only"
                " export."
            )
        return needed

    @classmethod
    def get_result_class(cls) -> type[Report]:
        return Report

    def import_data_inner(
        self,
        dataset: Any,
        dry_run: bool,
        raise_errors: bool,
        using_transactions: bool,
        collect_failed_rows: bool,
        *,
        observers: Sequence[Observer] = (),
        name: str = "",
        **kwargs: Any,
    ) -> Report:
        """Import a Table or a tablib Dataset inside the transaction of ``import_data``.

        The report has row results only for a Dataset. Hooks receive the Dataset or, for a streamed file, the Table.
        """
        report = self.get_result_class()()
        report.diff_headers = self.get_diff_headers()
        self.needed_names()
        hints = {"dry_run": dry_run, "using_transactions": using_transactions, **kwargs}
        try:
            self.before_import(dataset, **hints)
            if isinstance(dataset, Table):
                self._run(dataset, observers, report, name)
            else:
                keep_instances = kwargs.get("retain_instance_in_row_result", False)
                rows = RowResults(self, report, keep_instances=keep_instances, collect_failed_rows=collect_failed_rows)
                rows_of_dataset = DatasetRows(dataset)
                table = Table(
                    rows_of_dataset, columns=list(self.in_files), required=self.needed_names, entity=self.entity
                )
                self._run(table, [rows, *observers], report, name)
            self.after_import(dataset, report, **hints)
        except Exception as error:  # noqa: BLE001 - django-import-export reports any error, including those of hooks
            self.handle_import_error(report, error, raise_errors)
        return report

    def _run(self, table: Table, observers: Sequence[Observer], report: Report, name: str) -> None:
        report.ignored_columns, report.ignored_cells = table.header.ignored, table.ignored_cells
        report.foreign_columns = table.header.foreign
        report.column_hints = column_hints(table.header.ignored, table.header.missing(self.fields), self.entity)
        options = self.options.for_file(table.header.positions)
        importer_of(options)(self.spec, options, table, self.fixes).run(observers, report, name=name)

    def handle_import_error(self, result: Report, error: Exception, raise_errors: bool = False) -> None:
        """Raise the error, or add it to the result so that nothing is stored."""
        if raise_errors:
            raise error
        if not isinstance(error, (FileError, Busy)):
            logger.error("an import of %s failed", self.entity, exc_info=error)
        result.append_base_error(self.get_error_result_class()(error))


def importer_of(options: Options) -> type[Importer]:
    """Return the importer for some options."""
    if not options.may_update:
        return Importer
    return IdImporter if options.match_on == EXTERNAL_ID.column else UpsertImporter
