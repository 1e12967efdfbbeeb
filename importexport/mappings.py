"""Mappings that tenants have saved, so that the next file of a program is read like the last one."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from crm.models import Tenant
from crm.timestamps import timestamp
from importexport.engine.options import OBJECTS, OptionError, Options, default_of, read_options
from importexport.engine.spec import EntitySpec
from importexport.models import ImportRun, SavedMapping
from importexport.sources.presets import fold_header

#: The options that can be saved.
SAVED = ("source", "mapping", "values", "formats", "dates", "decimal", "encoding", "sheet")
#: What stands before a name where an option names a saved mapping.
MARK = "@"
#: The most characters of which a name is made.
LONGEST = 200
_NAME = re.compile(r"[a-z0-9_-]{1,50}")

Json = dict[str, Any]


class UnknownMapping(OptionError):
    """A name under which the tenant has saved no mapping for the entity."""


# --- saving --------------------------------------------------------------------------------------------------


def is_name(name: str) -> bool:
    """Whether a saved mapping can have a name."""
    return bool(_NAME.fullmatch(name))


def no_name(name: str) -> str:
    """Return the sentence about a name that no saved mapping can have."""
    return f"A mapping cannot have the name '{name[:100]}': it must be 1 to 50 of a-z, 0-9, _ and -."


def nearest_name(text: str) -> str:
    """Return the name that a saved mapping can have and that comes nearest to what somebody calls it; "" if none does.

    ``HubSpot export`` → ``hubspot-export``, ``Müller & Söhne`` → ``muller-sohne``.
    """
    plain = unicodedata.normalize("NFKD", text[:LONGEST]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain)[:50].strip("-")


def save_mapping(name: str, body: Mapping[str, Any], *, tenant: Tenant, spec: EntitySpec) -> tuple[SavedMapping, bool]:
    """Save a mapping under a name, instead of one that has it; return it, and whether it is new.

    Raises OptionError for an invalid name or option.
    """
    if not is_name(name):
        raise OptionError(no_name(name))
    check_body(body, spec)
    saved = {"body": dict(body), "saved_at": Now()}
    mapping, is_new = SavedMapping.objects.update_or_create(
        tenant=tenant, entity=spec.entity, name=name, defaults=saved
    )
    mapping.refresh_from_db()
    return mapping, is_new


def check_body(body: Mapping[str, Any], spec: EntitySpec) -> None:
    """Raise OptionError for options that are invalid or cannot be saved, and if there are none."""
    if unknown := [name for name in body if name not in SAVED]:
        raise OptionError(f"Unknown option '{unknown[0][:100]}'. Expected one of: {', '.join(SAVED)}.")
    if not body:
        raise OptionError(f"There is nothing to save. Give at least one of: {', '.join(SAVED)}.")
    for name, value in body.items():
        if not isinstance(value, dict if name in OBJECTS else str):
            raise OptionError(f"'{name}' must be {'a JSON object' if name in OBJECTS else 'a text'}.")
    read_options(as_texts(body), spec)


def as_texts(body: Mapping[str, Any]) -> dict[str, str]:
    """Return saved options as a caller would give them."""
    return {name: json.dumps(value, ensure_ascii=False) if name in OBJECTS else value for name, value in body.items()}


# --- using ---------------------------------------------------------------------------------------------------


def read_given(given: Mapping[str, str], *, tenant: Tenant, spec: EntitySpec) -> Options:
    """Return the options that a caller gives, with those of the saved mapping that ``mapping`` names, if it does.

    Raises OptionError like ``read_options``, and for a mapping that there is not.
    """
    name = name_in(given)
    options = read_options(resolved(given, tenant=tenant, spec=spec), spec)
    return replace(options, saved_mapping=name) if name else options


def name_in(given: Mapping[str, str]) -> str:
    """Return the name of the saved mapping that options name, or ""."""
    mapping = given.get("mapping", "")
    return mapping.removeprefix(MARK) if mapping.startswith(MARK) else ""


def resolved(given: Mapping[str, str], *, tenant: Tenant, spec: EntitySpec) -> dict[str, str]:
    """Return the options given by a caller, and those of a saved mapping where the caller says nothing else.

    A default says nothing: many clients send all of them.
    """
    if not given.get("mapping", "").startswith(MARK):
        return dict(given)
    saved = as_texts(find_mapping(name_in(given), tenant=tenant, entity=spec.entity).body)
    own = {
        name: value
        for name, value in given.items()
        if name != "mapping" and not (name in saved and value == default_of(name, spec))
    }
    return saved | own


def find_mapping(name: str, *, tenant: Tenant, entity: str) -> SavedMapping:
    """Return a tenant's saved mapping; raise UnknownMapping, which names those that there are."""
    saved = SavedMapping.objects.filter(tenant=tenant, entity=entity)
    if found := saved.filter(name=name).first():
        return found
    names = list(saved.values_list("name", flat=True)[:50])
    known = f"Saved are: {', '.join(names)}." if names else "None is saved."
    raise UnknownMapping(f"There is no saved mapping '{name[:100]}' for {entity}. {known}")


def note_use(run: ImportRun) -> None:
    """Note that a run has used the saved mapping that its options name, if they do, and for which headers."""
    if name := run.options.get("saved_mapping"):
        used = SavedMapping.objects.filter(tenant=run.tenant_id, entity=run.entity, name=name)
        used.update(used_at=timezone.now(), headers=digest_of(run.header["cells"]))


def last_used_for(cells: Iterable[str], *, tenant: Tenant, entity: str) -> SavedMapping | None:
    """Return the saved mapping that was last used for a file with the same headers, in any order, or None."""
    used = SavedMapping.objects.filter(tenant=tenant, entity=entity, headers=digest_of(cells), used_at__isnull=False)
    return used.order_by("-used_at").first()


def digest_of(cells: Iterable[str]) -> str:
    """Return the SHA-256 of the set of a file's headers, as they are matched."""
    return hashlib.sha256("\n".join(sorted(set(map(fold_header, cells)))).encode()).hexdigest()


def mapping_json(mapping: SavedMapping) -> Json:
    """Return a saved mapping as it is told to clients."""
    return {
        "entity": mapping.entity,
        "name": mapping.name,
        "options": mapping.body,
        "savedAt": timestamp(mapping.saved_at),
        "usedAt": timestamp(mapping.used_at),
    }


def offer_json(mapping: SavedMapping | None) -> Json | None:
    """Return the saved mapping that is offered for a file, as it is told to clients."""
    return {"name": mapping.name, "usedAt": timestamp(mapping.used_at)} if mapping else None
