"""Describes the endpoints for saved mappings."""

from importexport.api.links import BASE
from importexport.api.openapi.operation import CHANGING, JSON, READING, Json, operation, ref
from importexport.api.openapi.runs import parameter
from importexport.api.openapi.schemas import MOMENT, OPTIONS, TEXT, members, or_null
from importexport.mappings import SAVED

TAG = "sources"
EXAMPLE: Json = {
    "entity": "contacts",
    "name": "hubspot",
    "options": {
        "source": "hubspot",
        "mapping": {"Newsletter": "tags", "Lead Status": None},
        "values": {"lifecycle_stage": {"Fan": "customer"}},
        "dates": "dmy",
    },
    "savedAt": "2026-01-10T09:00:00Z",
    "usedAt": "2026-01-12T02:00:01Z",
}
OPTIONS_OF_MAPPING: Json = {
    "type": "object",
    "description": "The options that are saved, as far as they are given",
    "properties": {name: OPTIONS["properties"][name] for name in SAVED},
    "minProperties": 1,
    "additionalProperties": False,
}
MAPPINGS: Json = {
    "MappingOptions": OPTIONS_OF_MAPPING,
    "Mapping": members(
        {
            "entity": ref("Entity"),
            "name": TEXT,
            "options": ref("MappingOptions"),
            "savedAt": MOMENT,
            "usedAt": or_null(MOMENT) | {"description": "When an import or a plan last used it"},
        },
        description="A saved mapping: how files of a program are read. Imports use it by `mapping=@name`",
    ),
    "MappingPage": members({"results": {"type": "array", "items": ref("Mapping")}}),
}
NAME: Json = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The name of the mapping, without `@`",
    "schema": {"type": "string", "pattern": "^[a-z0-9_-]{1,50}$"},
}
ENTITY = parameter("entity", "The entity of the mapping", ref("Entity")) | {"required": True}
#: Those of reading and changing, without the conflicts of runs.
WRITING = tuple(status for status in CHANGING if status not in {409, 422})
ONE: Json = {JSON: {"schema": ref("Mapping"), "example": EXAMPLE}}


def paths() -> Json:
    """Describe the list of mappings, and what can be done with one."""
    listing = operation(
        "mappings_list",
        tag=TAG,
        summary="List the saved mappings",
        text="Returns the tenant's saved mappings, by entity and name.",
        content={JSON: {"schema": ref("MappingPage"), "example": {"results": [EXAMPLE]}}},
        statuses=READING,
    )
    showing = operation(
        "mappings_show",
        tag=TAG,
        summary="Show a saved mapping",
        text="Returns the options that are saved under a name.",
        content=ONE,
        statuses=READING,
    )
    entity = parameter("entity", "Only mappings of this entity", ref("Entity"))
    return {
        f"{BASE}/mappings": {"get": listing | {"parameters": [entity]}},
        f"{BASE}/mappings/{{name}}": {
            "get": showing | {"parameters": [NAME, ENTITY]},
            "put": saving(),
            "delete": deleting(),
        },
    }


def saving() -> Json:
    """Describe how a mapping is saved."""
    described = operation(
        "mappings_save",
        tag=TAG,
        summary="Save a mapping",
        text="Saves options under a name, instead of those that it had. Imports, plans and readings use them by"
        " `mapping=@name`; options given besides count more, unless they have their default.",
        content=ONE,
        statuses=(*WRITING, 408, 415),
    )
    described["responses"]["201"] = described["responses"]["200"] | {"description": "Saved under a new name"}
    body = {JSON: {"schema": ref("MappingOptions"), "example": EXAMPLE["options"]}}
    return described | {"parameters": [NAME, ENTITY], "requestBody": {"required": True, "content": body}}


def deleting() -> Json:
    """Describe how a mapping is deleted."""
    described = operation(
        "mappings_delete",
        tag=TAG,
        summary="Delete a saved mapping",
        text="Imports that have used it keep their options.",
        content={},
        statuses=WRITING,
        success="204",
    )
    del described["responses"]["204"]["content"]
    return described | {"parameters": [NAME, ENTITY]}
