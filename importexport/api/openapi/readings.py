"""Describes what tells what a file would be read as."""

from importexport import errors
from importexport.api.openapi.operation import TAKING_A_FILE, Json, operation, ref
from importexport.api.openapi.schemas import COUNT, MOMENT, READING_OF_FILE, TEXT, TEXTS, members, or_null

#: Of what takes a file, but stores nothing.
STATUSES = tuple(status for status in TAKING_A_FILE if status not in {409, 422})
#: The file of the example.
FILE = (
    "Record ID,First Name,Last Name,Email,Create Date,Last seen\n"
    "501,Ada,Example,ada@alpha.example,2024-03-12 09:14,03/04/2025\n"
    "502,Bo,Sample,bo@alpha.example,2024-03-12 09:15,\n"
)
#: The options of the example.
MAPPING = '{"Last seen": null}'


def column(header: str, ours: str | None, why: str, how: list[str] | None = None) -> Json:
    """Return a column of the example."""
    return {"header": header, "column": ours, "why": why, "how": how or []}


def shown(header: str, filled: int, samples: dict[str, Json]) -> Json:
    """Return a header of the example."""
    told = [{"cell": cell, "becomes": becomes} for cell, becomes in samples.items()]
    return {"header": header, "filled": filled, "samples": told}


EXAMPLE: Json = {
    "reading": {
        "source": "hubspot",
        "encoding": "utf-8",
        "headerRow": 1,
        "columns": [
            column("Record ID", "external_id", "source", ["only_if_blank"]),
            column("First Name", "first_name", "source"),
            column("Last Name", "last_name", "source"),
            column("Email", "email", "source"),
            column("Create Date", None, "source"),
            column("Last seen", None, "mapping"),
        ],
    },
    "delimiter": ",",
    "totalRows": 2,
    "headers": [
        shown("Record ID", 2, {"501": {"external_id": "501"}, "502": {"external_id": "502"}}),
        shown("First Name", 2, {"Ada": {"first_name": "Ada"}, "Bo": {"first_name": "Bo"}}),
        shown("Last Name", 2, {"Example": {"last_name": "Example"}, "Sample": {"last_name": "Sample"}}),
        shown(
            "Email",
            2,
            {
                "ada@alpha.example": {"email": "ada@alpha.example"},
                "bo@alpha.example": {"email": "bo@alpha.example"},
            },
        ),
        shown("Create Date", 2, {"2024-03-12 09:14": {}, "2024-03-12 09:15": {}}),
        shown("Last seen", 1, {"03/04/2025": {}}),
    ],
    "questions": [],
    "offered": {"name": "hubspot", "usedAt": "2026-01-12T02:00:01Z"},
}
_DATES = errors.dates_undecided("Close Date", [(2, "03/04/2025"), (5, "01/02/2025")], is_contradictory=False)
ASKING: Json = {
    "reading": {
        "source": "auto",
        "encoding": "utf-8",
        "headerRow": 1,
        "columns": [column("Deal Name", "name", "agreed"), column("Close Date", "expected_close_date", "agreed")],
    },
    "delimiter": ";",
    "totalRows": 4,
    "headers": [
        shown("Deal Name", 4, {"Alpha": {"name": "Alpha"}}),
        shown("Close Date", 2, {"03/04/2025": {"expected_close_date": "03/04/2025"}}),
    ],
    "questions": [
        {
            "code": "dates_undecided",
            "message": str(_DATES),
            "option": "dates",
            "values": ["dmy", "mdy", "ymd"],
            "headers": ["Close Date"],
            "columns": [],
        }
    ],
    "offered": None,
}
READINGS: Json = {
    "HeaderSample": members(
        {
            "header": TEXT,
            "filled": COUNT | {"description": "How many of its cells are filled, in all rows"},
            "samples": {"type": "array", "items": ref("CellSample"), "maxItems": 3},
        },
        description="A header of the file, in the order of `reading.columns`",
    ),
    "CellSample": members(
        {
            "cell": {"type": "string", "description": "As in the file, cut after 100 characters"},
            "becomes": {
                "type": "object",
                "description": "Column → what its row has there, as a file of ours would; empty if it is not imported",
                "additionalProperties": TEXT,
            },
        }
    ),
    "Question": members(
        {
            "code": {"type": "string", "description": "As the type of the problem that an import would be"},
            "message": TEXT,
            "option": {
                "type": "string",
                "description": "The option that answers it; `entity` stands for the entity in the path",
            },
            "values": TEXTS | {"description": "Values that answer it; none if any can"},
            "headers": TEXTS | {"description": "The headers of the file that it is about"},
            "columns": TEXTS | {"description": "Our columns that it is about"},
        },
        description="What has to be decided before the file can be imported",
    ),
    "Proposal": members(
        {
            "reading": READING_OF_FILE | {"type": "object", "description": "What the file would be read as"},
            "delimiter": or_null(TEXT) | {"description": "What separates cells; null in a workbook"},
            "totalRows": COUNT,
            "headers": {"type": "array", "items": ref("HeaderSample")},
            "questions": {"type": "array", "items": ref("Question")},
            "offered": {
                "type": ["object", "null"],
                "description": "The saved mapping that was last used for a file with the same headers",
                "required": ["name", "usedAt"],
                "properties": {"name": TEXT, "usedAt": MOMENT},
            },
        },
        description="What a file would be read as, and what is undecided",
    ),
}
TEXT_OF_READ = """
Returns the reading of a file: which header gives which column, how dates and numbers are written, up to three samples
of each header, and what is undecided as `questions`. Nothing is stored. Takes the options of an import; what they
decide is no question any more. Where the encoding or the sheet is undecided, the rest is told as if the first value had
been given.
"""


def read_operation(entity: str, options: list[Json], form: Json) -> Json:
    """Describe the reading of a file of an entity, which takes the options and the form of an import."""
    examples = {
        "decided": {"summary": "A file of HubSpot", "value": EXAMPLE},
        "undecided": {"summary": "A file with dates that can be read in two ways", "value": ASKING},
    }
    described = operation(
        f"{entity}_read",
        tag=entity,
        summary=f"Read a file of {entity} without storing anything",
        text=TEXT_OF_READ,
        content={"application/json": {"schema": ref("Proposal"), "examples": examples}},
        statuses=STATUSES,
    )
    return described | {"parameters": options, "requestBody": form}
