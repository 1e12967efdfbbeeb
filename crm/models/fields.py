"""Field types shared by the models."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import MD5
from django.utils.text import get_text_list
from django.utils.translation import gettext_lazy as _

from crm.addresses import fold_domain, fold_domains, fold_email, fold_emails
from crm.characters import trim
from crm.currencies import CURRENCIES
from crm.matching import fold, fold_column

#: Characters not allowed in any text: Unicode category Cc except tab and line feed, lone surrogates, and the two
#: noncharacters that XML cannot contain.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def has_forbidden(text: str) -> bool:
    """Whether a text contains a character that is not allowed."""
    return FORBIDDEN.search(text) is not None


def validate_currency(code: str) -> None:
    """Raise ValidationError unless the code is an ISO 4217 code in current use."""
    if code not in CURRENCIES:
        raise ValidationError(_("“%(code)s” is not an ISO 4217 currency code in use."), params={"code": code})


def validate_tag(tag: str) -> None:
    """Raise ValidationError for a tag that could not be read back from a comma-separated cell."""
    if "," in tag or tag != trim(tag):
        raise ValidationError(_("A tag has no comma and no surrounding white space."))


def unrepeated(tags: Iterable[str]) -> list[str]:
    """Return tags without repeats, ignoring case: the first spelling stays."""
    texts = list(tags)
    if len(texts) < 2:
        return texts
    first: dict[str, str] = {}
    for key, tag in zip(fold_column(texts), texts, strict=True):
        first.setdefault(key, tag)
    return list(first.values())


class Text(models.CharField):
    """A text that may be blank. It is never NULL, so that an empty value has one representation."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        options.setdefault("blank", True)
        options.setdefault("default", "")
        super().__init__(max_length=max_length, **options)


class LongText(Text):
    """A text with several lines. Unlike a TextField, it has a length limit in the database."""

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"widget": forms.Textarea, **options})


class Folded(models.CharField):
    """The matching key of another field, a name; updated by save() and used by unique constraints.

    With ``null``, a blank field has no key, so that any number of records can be without one.
    """

    def __init__(self, source: str, **options: Any) -> None:
        self.source = source
        options |= {"editable": False}
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        del options["editable"]
        return name, path, [self.source, *args], options

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        (key,) = self.key_column([getattr(model_instance, self.source) or ""])
        setattr(model_instance, self.attname, key)
        return key

    def fold(self, text: str) -> str:
        """Return the key under which a text is matched."""
        return fold(text)

    def fold_column(self, values: Sequence[str]) -> list[str]:
        """Return ``fold`` of every value, fast for plain ASCII."""
        return fold_column(values)

    def key_column(self, values: Sequence[str]) -> list[str | None]:
        """Return the key of every value, as it is stored."""
        keys = self.fold_column(values)
        return [key or None for key in keys] if self.null and "" in keys else [*keys]


class FoldedEmail(Folded):
    """The matching key of an e-mail address."""

    def fold(self, text: str) -> str:
        return fold_email(text)

    def fold_column(self, values: Sequence[str]) -> list[str]:
        return fold_emails(values)


class FoldedDomain(Folded):
    """The matching key of a domain, which is matched by its host."""

    def fold(self, text: str) -> str:
        return fold_domain(text)

    def fold_column(self, values: Sequence[str]) -> list[str]:
        return fold_domains(values)


class Digest(models.GeneratedField):
    """A digest of another field, kept by the database: for unique constraints on texts too long for an index."""

    db_collation = "C"

    def __init__(self, source: str, **options: Any) -> None:
        self.source = source
        digest = models.CharField(max_length=32, db_collation=self.db_collation)
        super().__init__(expression=MD5(source), output_field=digest, db_persist=True, **options)

    def deconstruct(self) -> Any:
        name, path, _, options = super().deconstruct()
        for option in ("expression", "output_field", "db_persist"):
            del options[option]
        return name, path, [self.source], options


class TagsField(SimpleArrayField):
    """A form field for tags separated by commas. Blank ones are left out, as in a file."""

    default_error_messages: ClassVar[dict[str, Any]] = {"item_invalid": _("Tag %(nth)s:")}

    def to_python(self, value: Any) -> Any:
        tags = value.split(self.delimiter) if isinstance(value, str) else value
        return super().to_python(list(filter(trim, tags or ())))


class TagList(ArrayField):
    """Tags in the given order, stored as a text array: no extra rows, and no join in an export."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("base_field", models.CharField(max_length=50, validators=[validate_tag]))
        options.setdefault("blank", True)
        options.setdefault("default", list)
        super().__init__(**options)

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": TagsField, **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Drop repeated tags from the record as well, so that it has what is stored."""
        tags = super().pre_save(model_instance, add)
        if isinstance(tags, list):
            setattr(model_instance, self.attname, tags := unrepeated(tags))
        return tags

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Drop repeated tags, whichever way they are stored."""
        return super().get_db_prep_save(unrepeated(value) if isinstance(value, (list, tuple)) else value, connection)


class FoldingQuerySet(models.QuerySet):
    """Queryset whose updates keep matching keys in sync with their source fields."""

    def update(self, **values: Any) -> int:
        """Update the records, and the matching key of each changed field."""
        for field in folded_fields(self.model, values):
            if field.name not in values:
                (values[field.name],) = field.key_column([values[field.source]])
        return super().update(**values)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Update the records, and the matching key of each changed field."""
        objs, fields = list(objs), list(fields)
        folded = folded_fields(self.model, fields)
        for record in objs:
            for field in folded:
                field.pre_save(record, add=False)
        return super().bulk_update(objs, [*fields, *(field.name for field in folded)], batch_size)


class Folding(models.Model):
    """Model with matching keys, which every way of writing keeps up to date."""

    objects = FoldingQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, **options: Any) -> None:
        """Save; a partial save also saves the matching keys of its fields."""
        if (names := options.get("update_fields")) is not None:
            options["update_fields"] = {*names, *(field.name for field in folded_fields(type(self), names))}
        super().save(**options)

    def clean_fields(self, exclude: Any = None) -> None:
        """Compute the matching keys before validation, so that duplicates are reported."""
        for field in folded_fields(type(self)):
            field.pre_save(self, add=False)
        super().clean_fields(exclude)

    def validate_constraints(self, exclude: Any = None) -> None:
        """Validate uniqueness by matching keys, which forms exclude because they do not show them."""
        super().validate_constraints({*(exclude or ())}.difference(sources_of_keys(type(self))))

    def unique_error_message(self, model_class: type[models.Model], unique_check: Any) -> ValidationError:
        """Return the error for a duplicate. It names the fields the user knows, not the matching keys."""
        sources = sources_of_keys(model_class)
        names = [sources.get(name, name) for name in unique_check if name != "tenant"]
        fields: list[Any] = [model_class._meta.get_field(name) for name in names]
        labels: list[Any] = [str(field.verbose_name) for field in fields]
        params = {"model": model_class._meta.verbose_name, "fields": get_text_list(labels, str(_("and")))}
        return ValidationError(_("Another %(model)s has the same %(fields)s."), code="unique", params=params)


def folded_fields(model: type[models.Model], sources: Collection[str] | None = None) -> list[Folded]:
    """Return the matching keys of a model: all of them, or those of the given source fields."""
    folded = [field for field in model._meta.concrete_fields if isinstance(field, Folded)]
    return [field for field in folded if sources is None or field.source in sources]


def folded_field(model: type[models.Model], column: str) -> Folded:
    """Return the matching key that is stored in a database column of a model."""
    return next(field for field in folded_fields(model) if field.column == column)


def sources_of_keys(model: type[models.Model]) -> dict[str, str]:
    """Return the fields that make records unique in place of what the user knows, each with the field it stands for."""
    keys = [field for field in model._meta.concrete_fields if isinstance(field, (Folded, Digest))]
    return {field.name: field.source for field in keys}
