"""The resource: django-import-export's word for an entity's columns, in and out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db import models
from import_export.resources import Resource

from crm.models import Tenant
from importexport import errors
from importexport.columns.fields import Column
from importexport.engine.importer import Importer
from importexport.engine.observers import Observer
from importexport.engine.options import Options
from importexport.engine.report import Report
from importexport.engine.spec import EntitySpec, Key
from importexport.engine.upsert import UpsertImporter
from importexport.files.table import DatasetRows, Table


class EntityResource(Resource):
    """A django-import-export resource whose rows travel by column and COPY.

    Subclasses declare columns, in the contract's order, and in ``Meta`` the ``model`` and ``import_order`` (columns
    that depend on others come after them). An instance serves one tenant and one import.
    """

    entity: ClassVar[str]
    noun: ClassVar[str]
    keys: ClassVar[tuple[Key, ...]]

    class Meta:
        use_transactions = True

    def __init__(self, tenant: Tenant, *, options: Options | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        self.options = options or Options()
        self.spec = replace(self.describe(), columns=tuple(self.fields.values()), tenant=tenant)
        for column in self.spec.columns:
            column.widget.bind(tenant)

    @classmethod
    def describe(cls) -> EntitySpec:
        """Return what is declared, of no tenant."""
        columns: tuple[Column, ...] = tuple(cls.fields.values())
        order = tuple(cls._meta.import_order or ())
        return EntitySpec(cls.entity, cls.noun, cls._meta.model, cls.keys, columns, order)

    @classmethod
    def column_names(cls) -> list[str]:
        """The header of templates and exports."""
        return cls.describe().column_names

    @classmethod
    def required_names(cls) -> list[str]:
        """The columns that a new record needs."""
        return cls.describe().required_names

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in the contract's order."""
        return self.spec.columns

    # --- in --------------------------------------------------------------------------------------------------

    def get_result_class(self) -> type[Report]:
        """An import answers with a Report."""
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
        """Import a Table, or a tablib Dataset, inside the transaction that ``import_data`` keeps."""
        report = Report()
        try:
            table = dataset if isinstance(dataset, Table) else self.table_of(dataset)
            report.ignored_columns = table.header.ignored
            importer = UpsertImporter if self.options.may_update else Importer
            importer(self.spec, self.options, table).run(observers, report, name=name)
        except errors.FileError as error:
            self.handle_import_error(report, error, raise_errors)
        return report

    def handle_import_error(self, result: Report, error: Exception, raise_errors: bool = False) -> None:
        """Raise an error of the file as it is, or note it as the library does."""
        if raise_errors:
            raise error
        result.append_base_error(self.get_error_result_class()(error))

    def table_of(self, dataset: Any) -> Table:
        """Return a tablib Dataset as a Table."""
        return Table(DatasetRows(dataset), columns=self.spec.column_names, required=self.needed_names())

    def needed_names(self) -> list[str]:
        """The columns that a file must have under the resource's options."""
        return self.spec.needed_names(self.options.match_on)

    # --- out -------------------------------------------------------------------------------------------------

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's records, oldest first."""
        return self.spec.model._default_manager.filter(tenant=self.tenant).order_by("id")
