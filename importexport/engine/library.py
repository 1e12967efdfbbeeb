"""The parts of django-import-export's Resource that do not depend on how rows are stored."""

import io
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from import_export.resources import Resource
from import_export.signals import post_export, post_import
from tablib.formats import CSVFormat, registry

from crm.models import Tenant
from importexport.engine.resource_class import ResourceClass, key_by_meta
from importexport.engine.spec import Key
from importexport.files.csv_writer import csv_text


class QuotedCsv(CSVFormat):
    """The CSV of a tablib Dataset, with quotes like a streamed export."""

    @classmethod
    def export_stream_set(cls, dataset: Any, **kwargs: Any) -> io.StringIO:
        """Return a file. Options of Python's CSV writer other than the delimiter are left to tablib."""
        if kwargs.keys() - {"delimiter"}:
            return super().export_stream_set(dataset, **kwargs)
        rows = ([str("" if cell is None else cell) for cell in row] for row in dataset._package(dicts=False))
        return io.StringIO(csv_text(rows, **kwargs), newline="")


registry.register("csv", QuotedCsv())


class LibraryResource(Resource, metaclass=ResourceClass):
    """A resource for one tenant, with the signals and exports of django-import-export.

    ``import_data`` and ``export`` raise ImproperlyConfigured if no tenant was given. Afterwards they send
    ``post_import`` and ``post_export`` with the resource's class, the model and the tenant, unless it is a dry run.
    """

    #: The unique keys of the entity. If several are duplicates, the message names the first.
    keys: ClassVar[tuple[Key, ...]] = ()

    class Meta:
        use_transactions = True
        skip_unchanged = True

    def __init__(self, tenant: Tenant | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tenant = tenant
        #: All columns of a record; ``fields`` has those of files.
        self.stored = {name: self.fields.get(name) or deepcopy(column) for name, column in self.declared.items()}
        if tenant is not None:
            for column in self.stored.values():
                column.widget.bind(tenant)

    @property
    def tenant(self) -> Tenant:
        """The tenant whose records are imported and exported; raises ImproperlyConfigured if none was given."""
        if self._tenant is None:
            name = type(self).__name__
            raise ImproperlyConfigured(
                f"{name} has no tenant, which imports and exports require. Pass it as {name}(tenant=…); in an admin,"
                " return it from get_import_resource_kwargs() and get_export_resource_kwargs()."
            )
        return self._tenant

    @classmethod
    def get_display_name(cls) -> str:
        """Return the name of the resource in django-import-export's forms."""
        return str(getattr(cls._meta, "name", cls.__name__))

    @classmethod
    def match_keys(cls) -> list[Key]:
        """Return the keys that rows can be matched by, the one in Meta.import_id_fields first."""
        default = key_by_meta(cls)
        ordered = sorted(cls.keys, key=lambda key: key is not default)
        return [key for key in ordered if key.column in cls.fields] or ordered

    def get_import_id_fields(self) -> list[str]:
        """Return the columns that rows are matched by unless the options say otherwise."""
        return self.match_keys()[0].columns

    # --- import ----------------------------------------------------------------------------------------------

    def import_data(
        self,
        dataset: Any,
        dry_run: bool = False,
        raise_errors: bool = False,
        use_transactions: bool | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Import a tablib Dataset or a Table; see django-import-export for the arguments.

        Rejected rows are not errors of the import: all other rows are stored.
        """
        tenant = self.tenant
        if use_transactions is False:
            raise ImproperlyConfigured("An import is one transaction: use_transactions cannot be False.")
        result = super().import_data(dataset, dry_run, raise_errors, use_transactions, *args, **kwargs)
        # django-import-export's admin asks for instances and sends the signal itself. Errors in receivers are logged,
        # because the records have already been stored.
        if not (dry_run or result.has_errors() or kwargs.get("retain_instance_in_row_result")):
            post_import.send_robust(sender=type(self), model=self._meta.model, tenant=tenant)
        return result

    # --- export ----------------------------------------------------------------------------------------------

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's records, oldest first."""
        return self._meta.model._default_manager.filter(tenant=self.tenant).order_by("id")

    def export(self, queryset: Any = None, **kwargs: Any) -> Any:
        """Return the tenant's records as a tablib Dataset. Its ``csv`` is identical to a streamed export."""
        dataset = super().export(self._ours(queryset), **kwargs)
        # django-import-export's admin passes its form and sends the signal itself.
        if "export_form" not in kwargs:
            self._send_post_export()
        return dataset

    def iter_queryset(self, queryset: Any) -> Iterator[models.Model]:
        """Yield records together with those they refer to."""
        if isinstance(queryset, models.QuerySet):
            queryset = queryset.select_related(*self.relations())
        return super().iter_queryset(queryset)

    def streamed_queryset(self, queryset: models.QuerySet | None = None) -> models.QuerySet:
        """Return the records of a streamed export, after calling the export hooks."""
        records = self._ours(queryset)
        self.before_export(records)
        return self.filter_export(records)

    def streamed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of an export, then send ``post_export``."""
        yield from pieces
        self._send_post_export()

    def _send_post_export(self) -> None:
        post_export.send_robust(sender=type(self), model=self._meta.model, tenant=self.tenant)

    def relations(self) -> list[str]:
        """Return the relations that the columns follow."""
        return [column.source.name for column in self.fields.values() if column.source.is_relation]

    def _ours(self, queryset: Any) -> Any:
        if queryset is None:
            return self.get_queryset()
        if isinstance(queryset, models.QuerySet) and not queryset.query.is_sliced:
            return queryset.filter(tenant=self.tenant)
        return [record for record in queryset if record.tenant_id == self.tenant.pk]
