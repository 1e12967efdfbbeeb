"""Describes the endpoints for the programs whose files are read."""

from importexport.api.links import BASE
from importexport.api.openapi.operation import READING, Json, operation, ref
from importexport.api.openapi.schemas import COUNT, TEXT, TEXTS, members, or_null
from importexport.sources.catalogue import catalogue, program
from importexport.sources.presets import EXTRAS, STEPS

EXPORT: Json = {
    "entity": ref("Entity"),
    "export": or_null(TEXT) | {"description": "The kind of export; null if the program has just one"},
    "headers": COUNT | {"description": "How many headers are known"},
}
SOURCE: Json = {
    "name": TEXT | {"description": "The value of the option `source`"},
    "label": TEXT | {"description": "The name as the program writes it"},
    "narrowerNames": TEXTS | {"description": "Further values of `source`: for a single kind of export of the program"},
    "entities": {"type": "array", "items": ref("Entity")},
    "exports": {"type": "array", "items": ref("ProgramExport")},
}
SOURCES: Json = {
    "ProgramSummary": members(SOURCE, description="A program whose files are read"),
    "ProgramExport": members(EXPORT, description="A kind of export of a program"),
    "ProgramPage": members({"results": {"type": "array", "items": ref("ProgramSummary")}}),
    "ProgramColumn": members(
        {
            "header": or_null(TEXT) | {"description": "As the program writes it; null for what every row is"},
            "column": or_null(TEXT)
            | {
                "description": "Our column, or one of "
                + "; ".join(f"`{name}`, which gives {meaning}" for name, meaning in EXTRAS.items())
                + ". Null if there is none for it"
            },
            "how": ref("Steps"),
        },
        description="A header of a program, and what becomes of its cells",
    ),
    "Steps": TEXTS
    | {
        "description": "What is done to the cells of a header. What they give:\n\n"
        + "\n".join(f"- `{name}` {meaning}" for name, meaning in STEPS.items())
    },
    "ProgramExportInFull": members(
        EXPORT | {"columns": {"type": "array", "items": ref("ProgramColumn")}},
        description="A kind of export of a program, with its headers",
    ),
    "Program": members(
        SOURCE | {"exports": {"type": "array", "items": ref("ProgramExportInFull")}},
        description="A program whose files are read, with the headers that it writes",
    ),
}
NAME: Json = {"name": "name", "in": "path", "required": True, "schema": TEXT}


def paths() -> Json:
    """Describe the list of programs, and one of them."""
    listing = operation(
        "sources_list",
        tag="sources",
        summary="List the programs whose files are read",
        text="Returns all programs that `source` can name, with their kinds of export.",
        content={"application/json": {"schema": ref("ProgramPage"), "example": {"results": catalogue()[:2]}}},
        statuses=READING,
    )
    showing = operation(
        "sources_show",
        tag="sources",
        summary="Show what is known of a program's files",
        text="Returns the headers that a program writes, with the column that each gives, and how. A narrower name has"
        " only its kind of export.",
        content={"application/json": {"schema": ref("Program"), "example": program("linkedin")}},
        statuses=READING,
    )
    return {
        f"{BASE}/sources": {"get": listing},
        f"{BASE}/sources/{{name}}": {"get": showing | {"parameters": [NAME]}},
    }
