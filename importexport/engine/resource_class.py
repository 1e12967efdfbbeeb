"""The metaclass of resources. It rejects definitions that an import or export by COPY would silently ignore."""

from collections import OrderedDict
from collections.abc import Iterator
from inspect import getattr_static
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from import_export.declarative import DeclarativeMetaclass
from import_export.options import ResourceOptions

from crm.models.fields import folded_fields
from importexport.columns.fields import Column
from importexport.engine.spec import Key

_BY_ROW = (
    "rows are stored in batches by COPY, not one by one. Override before_import() or after_import(), or give the"
    " column a widget of its own."
)
_BY_RECORD = (
    "records are exported as a stream by COPY, not one by one. Override filter_export(), or give the column a widget"
    " of its own."
)
_BY_META = "its result is fixed, or determined by Meta."
#: Methods of django-import-export that are never called, and why.
NEVER_CALLED = {
    **dict.fromkeys(
        (
            "before_import_row", "import_row", "after_import_row", "get_instance", "init_instance",
            "get_or_init_instance", "after_init_instance", "after_import_instance", "import_instance", "import_obj",
            "import_field", "save_m2m", "skip_row", "for_delete", "validate_instance", "save_instance",
            "do_instance_save", "before_save_instance", "after_save_instance", "delete_instance",
            "before_delete_instance", "after_delete_instance", "bulk_create", "bulk_update", "bulk_delete",
            "get_bulk_update_fields",
        ),
        _BY_ROW,
    ),
    **dict.fromkeys(("export_resource", "export_field", "iter_queryset", "after_export"), _BY_RECORD),
    **dict.fromkeys(
        (
            "get_fields", "get_field_name", "get_import_fields", "get_import_order", "get_diff_headers",
            "get_export_fields", "get_export_order", "get_export_headers", "get_import_id_fields",
            "get_use_transactions", "get_db_connection_name",
        ),
        _BY_META,
    ),
}  # fmt: skip
#: Meta options that cannot be changed: the accepted values, and the reason.
FIXED_OPTIONS: dict[str, tuple[tuple[Any, ...], str]] = {
    "instance_loader_class": ((None,), "records are found by their key; set import_id_fields to choose it"),
    "widgets": ((None,), "each Column has its own widget"),
    "use_transactions": ((None, True), "an import is one transaction"),
    "skip_unchanged": ((True,), "unchanged records are never written"),
    "clean_model_instances": ((False,), "rows are validated by widgets and database constraints, without instances"),
    "use_bulk": ((False,), "rows are always stored in batches, by COPY"),
    "batch_size": ((ResourceOptions.batch_size,), "the size of batches depends on the available memory"),
    "force_init_instance": ((False,), "the mode of an import determines whether rows can match existing records"),
    "using_db": ((None, "default"), "records and imports are stored in the default database"),
    "store_row_values": ((False,), "the file has the rows"),
    "use_natural_foreign_keys": ((False,), "references are found by the value that their column shows"),
}


class ResourceClass(DeclarativeMetaclass):
    """The metaclass of resources.

    ``declared`` has all columns, ``accepted`` those that files can have, and ``fields`` those of templates and exports,
    in their order. Raises ImproperlyConfigured if the definition of a class has errors (see ``problems``).
    """

    declared: dict[str, Column]
    accepted: dict[str, Column]
    fields: dict[str, Column]

    def __init__(self, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        super().__init__(name, bases, attrs)
        inherit_options(self)
        inherited = [getattr(base, "declared", {}) for base in reversed(bases)]
        self.declared = {key: field for fields in (*inherited, self.fields) for key, field in fields.items()}
        if self._meta.model:
            if problem := next(problems(self), ""):
                raise ImproperlyConfigured(f"{name}{problem}")
            self.accepted = {name: self.declared[name] for name in names_in_order(self)}
            named = self._meta.fields or ()
            self.fields = OrderedDict(
                (name, column) for name, column in self.accepted.items() if column.in_template or name in named
            )


def inherit_options(resource: Any) -> None:
    """Inherit Meta options from all base classes; django-import-export only considers two levels."""
    for above in reversed(resource.__mro__):
        meta = vars(above).get("Meta")
        for option in dir(meta) if meta else ():
            if not option.startswith("_"):
                value = getattr(meta, option)
                is_name = option == "model" and isinstance(value, str)
                setattr(resource._meta, option, apps.get_model(value) if is_name else value)


def names_in_order(resource: Any) -> list[str]:
    """Return the columns that a resource's files can have, in order."""
    meta = resource._meta
    left_in = set(resource.declared if meta.fields is None else meta.fields) - set(meta.exclude or ())
    ordered = dict.fromkeys([*(meta.export_order or ()), *(meta.fields or ()), *resource.declared])
    return [name for name in ordered if name in left_in]


def key_by_meta(resource: Any) -> Key | None:
    """Return the key that Meta.import_id_fields names by its first column or by all; None if there is no such key."""
    names = resource._meta.import_id_fields
    if names == ResourceOptions.import_id_fields:
        return next(iter(resource.keys), None)
    return next((key for key in resource.keys if {*names} in ({key.column}, {*key.columns})), None)


# --- errors in definitions ------------------------------------------------------------------------------------


def problems(resource: Any) -> Iterator[str]:
    """Yield the errors in the definition of a resource class, each to be appended to the name of the class."""
    yield from _methods(resource)
    yield from _fields(resource)
    yield from _options(resource)
    yield from _model(resource)


def _methods(resource: Any) -> Iterator[str]:
    base = next(above for above in resource.__mro__ if isinstance(above, ResourceClass) and not above._meta.model)
    for name, why in NEVER_CALLED.items():
        if getattr_static(resource, name) is not getattr_static(base, name):
            yield f".{name}() would never be called: {why}"
    for name in dir(resource):
        if name.startswith("dehydrate_"):
            yield f".{name}() would never be called: {_BY_RECORD}"


def _fields(resource: Any) -> Iterator[str]:
    for name, field in resource.declared.items():
        if not isinstance(field, Column):
            yield f".{name} is not a Column. Only Columns can be stored and exported by COPY."
    for option in ("fields", "exclude", "import_order", "export_order"):
        if unknown := [name for name in getattr(resource._meta, option) or () if name not in resource.declared]:
            yield f".Meta.{option} names {', '.join(unknown)}, which the resource does not declare."


def _options(resource: Any) -> Iterator[str]:
    for option, (allowed, why) in FIXED_OPTIONS.items():
        value = getattr(resource._meta, option)
        if value not in allowed:
            yield f".Meta.{option} cannot be {value!r}: {why}."
    named = resource._meta.import_id_fields
    is_default = named == ResourceOptions.import_id_fields
    if resource.keys and not key_by_meta(resource):
        keys = "; ".join(", ".join(key.columns) for key in resource.keys)
        yield f".Meta.import_id_fields must name one of the keys: {keys}."
    elif not is_default and (left_out := set(named).difference(names_in_order(resource))):
        yield f".Meta.import_id_fields names {', '.join(sorted(left_out))}, which Meta excludes."


def _model(resource: Any) -> Iterator[str]:
    model = resource._meta.model
    stored = {"tenant_id", *(column.stores for column in resource.declared.values())}
    stored |= {str(field.column) for field in folded_fields(model)}
    left = [field.name for field in model._meta.concrete_fields if field.column not in stored and needs_save(field)]
    if left:
        yield (
            f" does not store {', '.join(left)} of {model.__name__}, and COPY ignores default, auto_now, save() and"
            " signals: declare a column, or give the field a db_default."
        )


def needs_save(field: models.Field) -> bool:
    """Whether a field needs save() to get its value, or has no default at all."""
    if field.primary_key or field.generated or field.has_db_default():
        return False
    is_timestamp = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return field.has_default() or is_timestamp or not field.null
