"""What django-import-export's documentation says of a resource, kept where rows travel by COPY."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from import_export.resources import Resource
from import_export.signals import post_export, post_import

from crm.models import Tenant
from importexport.engine.resource_class import ResourceClass, key_by_meta
from importexport.engine.spec import Key


class LibraryResource(Resource, metaclass=ResourceClass):
    """The library's side of a resource: its tenant, signals, and what it exports.

    ``import_data`` and ``export`` raise ImproperlyConfigured where no tenant was given. At their end ``post_import``
    and ``post_export`` are sent, with the resource's class, the model and the tenant; not by a dry run.
    """

    #: What makes two rows the same record; of several, a message names the first that is taken.
    keys: ClassVar[tuple[Key, ...]] = ()

    class Meta:
        use_transactions = True
        skip_unchanged = True

    def __init__(self, tenant: Tenant | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tenant = tenant
        #: All columns of a record; ``fields`` are those of files.
        self.stored = {name: self.fields.get(name) or deepcopy(column) for name, column in self.declared.items()}
        if tenant is not None:
            for column in self.stored.values():
                column.widget.bind(tenant)

    @property
    def tenant(self) -> Tenant:
        """The tenant whose records are imported and exported; raises ImproperlyConfigured where none was given."""
        if self._tenant is None:
            name = type(self).__name__
            raise ImproperlyConfigured(
                f"{name} has no tenant, without which nothing is imported or exported. Give it as {name}(tenant=…); in"
                " an admin, return it from get_import_resource_kwargs() and get_export_resource_kwargs()."
            )
        return self._tenant

    @classmethod
    def get_display_name(cls) -> str:
        """Return what the library's forms call the resource."""
        return str(getattr(cls._meta, "name", cls.__name__))

    @classmethod
    def match_keys(cls) -> list[Key]:
        """Return the keys by which rows can find their records, the default first: that of Meta.import_id_fields."""
        default = key_by_meta(cls)
        ordered = sorted(cls.keys, key=lambda key: key is not default)
        return [key for key in ordered if key.column in cls.fields] or ordered

    def get_import_id_fields(self) -> list[str]:
        """Return the columns by which rows find their records."""
        return self.match_keys()[0].columns

    # --- in --------------------------------------------------------------------------------------------------

    def import_data(
        self,
        dataset: Any,
        dry_run: bool = False,
        raise_errors: bool = False,
        use_transactions: bool | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Import a tablib Dataset, or a Table; see the library's documentation for the arguments.

        A row that is rejected is no error of the import: the others are stored.
        """
        tenant = self.tenant
        if use_transactions is False:
            raise ImproperlyConfigured("An import is one transaction: use_transactions cannot be False.")
        result = super().import_data(dataset, dry_run, raise_errors, use_transactions, *args, **kwargs)
        # The library's admin asks for instances, and sends the signal itself. What a receiver raises is logged: the
        # records are stored by now.
        if not (dry_run or result.has_errors() or kwargs.get("retain_instance_in_row_result")):
            post_import.send_robust(sender=type(self), model=self._meta.model, tenant=tenant)
        return result

    # --- out -------------------------------------------------------------------------------------------------

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's records, oldest first."""
        return self._meta.model._default_manager.filter(tenant=self.tenant).order_by("id")

    def export(self, queryset: Any = None, **kwargs: Any) -> Any:
        """Return records as a tablib Dataset, whose ``csv`` is our own export to the letter; the tenant's alone."""
        dataset = super().export(self._ours(queryset), **kwargs)
        # The library's admin gives its form, and sends the signal itself.
        if "export_form" not in kwargs:
            self._tell_of_export()
        return dataset

    def iter_queryset(self, queryset: Any) -> Iterator[models.Model]:
        """Yield records, with what their references show."""
        if isinstance(queryset, models.QuerySet):
            queryset = queryset.select_related(*self.relations())
        return super().iter_queryset(queryset)

    def streamed_queryset(self, queryset: models.QuerySet | None = None) -> models.QuerySet:
        """Return the records that a streamed export is of, as the hooks of the resource have it."""
        records = self._ours(queryset)
        self.before_export(records)
        return self.filter_export(records)

    def streamed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of an export; at their end, the signal is sent."""
        yield from pieces
        self._tell_of_export()

    def _tell_of_export(self) -> None:
        post_export.send_robust(sender=type(self), model=self._meta.model, tenant=self.tenant)

    def relations(self) -> list[str]:
        """Return the relations that columns show."""
        return [column.source.name for column in self.fields.values() if column.source.is_relation]

    def _ours(self, queryset: Any) -> Any:
        if queryset is None:
            return self.get_queryset()
        if isinstance(queryset, models.QuerySet) and not queryset.query.is_sliced:
            return queryset.filter(tenant=self.tenant)
        return [record for record in queryset if record.tenant_id == self.tenant.pk]
