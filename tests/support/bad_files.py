"""Files and options at fault, with the sentence that each gets: the same through the API and the shell."""

import json
from typing import NamedTuple

from tests.support.workbooks import MAIN, made, written

PEOPLE = "first_name,last_name,email"
TWO_SHEETS = {"People": [["name"], ["Acme"]], "Firms": [["name"], ["Beta"]]}


class BadFile(NamedTuple):
    """A file at fault: nothing of it is stored."""

    name: str
    content: bytes | str
    sentence: str
    entity: str = "contacts"
    options: dict[str, str] = {}


class BadRow(NamedTuple):
    """A file with a good row 2 and a row 3 at fault, which alone is rejected."""

    name: str
    content: bytes | str
    message: str
    entity: str = "contacts"
    options: dict[str, str] = {}


#: The beginning of a file in which Office keeps others, such as an encrypted workbook.
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
#: A cell of a row that is written by hand.
CELL = '<c t="inlineStr"><is><t>x</t></is></c>'

BAD_FILES = [
    BadFile("unknown source", f"{PEOPLE}\n", "Unknown source 'nobody'", options={"source": "nobody"}),
    BadFile("no JSON", f"{PEOPLE}\n", "'mapping' is not JSON", options={"mapping": "{a"}),
    BadFile("a header twice in the JSON", f"{PEOPLE}\n", "names 'A' twice", options={"mapping": '{"A": null, "A": null}'}),
    BadFile("unknown column", f"{PEOPLE}\n", "which is no column", options={"mapping": '{"A": "b"}'}),
    BadFile("unknown mapping", f"{PEOPLE}\n", "no saved mapping", options={"mapping": "@none"}),
    BadFile(
        "values of an unknown column",
        f"{PEOPLE}\n",
        "'values' names 'nothing'",
        options={"values": json.dumps({"nothing": {"a": "b"}})},
    ),
    BadFile(
        "a value that leads to no choice",
        f"{PEOPLE}\n",
        "'values' gives 'Neu' as 'new', which is no lifecycle_stage. Expected null or one of: lead,",
        options={"values": '{"lifecycle_stage": {"Neu": "new"}}'},
    ),
    BadFile(
        "a value with two meanings",
        f"{PEOPLE}\n",
        "'values' gives 'lifecycle_stage' two meanings of one value: 'In use' and 'in-use' match the same cells.",
        options={"values": '{"lifecycle_stage": {"In use": "customer", "in-use": "lead"}}'},
    ),
    BadFile(
        "two headers of one name",
        f"{PEOPLE},x,x\nA,B,a@x.example,1,2\n",
        "Two headers are called 'x', and both give 'notes'. Rename one of them in the file",
        options={"mapping": '{"x": "notes"}'},
    ),
    BadFile(
        "a header that the file lacks",
        f"{PEOPLE}\nA,B,a@x.example\n",
        "a header that the file does not have: 'Phone'",
        options={"mapping": '{"Phone": "phone"}'},
    ),
    BadFile(
        "two headers for a column",
        "First Name,Last Name,Email,Mail\nA,B,a@x.example,b@x.example\n",
        "both give 'email'",
        options={"source": "auto", "mapping": '{"Mail": "email"}'},
    ),
    BadFile(
        "dates that nothing decides",
        "name,expected_close_date\nOne,03/04/2026\n",
        "no cell decides between day and month: row 2 has '03/04/2026'",
        entity="deals",
        options={"formats": "detect"},
    ),
    BadFile(
        "numbers that nothing decides",
        'name,value\nOne,"1,234"\n',
        "no cell decides between decimal point and comma: row 2 has '1,234'",
        entity="deals",
        options={"formats": "detect"},
    ),
    BadFile(
        "an encoding of a workbook",
        made(["name"], ["Acme"]),
        "'encoding' says how a CSV file is written, but the file is a workbook.",
        entity="companies",
        options={"encoding": "windows-1252"},
    ),
    BadFile(
        "another encoding than the mark proves",
        f"\ufeff{PEOPLE}\nA,B,a@x.example\n",
        "The file is not windows-1252: it begins with the byte-order mark of UTF-8.",
        options={"encoding": "windows-1252"},
    ),
    BadFile("two sheets with rows", made(**TWO_SHEETS), "Several sheets have rows", entity="companies"),
    BadFile(
        "unknown sheet", made(**TWO_SHEETS), "no sheet 'Else'", entity="companies", options={"sheet": "Else"}
    ),
    BadFile("a formula without a value", made(["name", "employee_count"], ["Acme", "=1+1"]), "formula", entity="companies"),
    BadFile("an encrypted workbook", OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password", entity="companies"),
    BadFile("a damaged workbook", made(["name"], ["Acme"])[:-200], "damaged", entity="companies"),
    BadFile(
        "a bomb",
        written("<row/>", **{"xl/worksheets/sheet1.xml": "x" * (80 * 1024**2)}),
        "too large once it is unpacked",
        entity="companies",
    ),
    BadFile(
        "16,384 columns",
        written(f"<row>{CELL * 16_384}</row>"),
        "The header has more than 5000 columns.",
        entity="companies",
    ),
    BadFile(
        "entities",
        written("<row/>", **{"xl/workbook.xml": f'<!DOCTYPE a [<!ENTITY b "c">]><workbook xmlns="{MAIN}">&b;</workbook>'}),
        "damaged",
        entity="companies",
    ),
]  # fmt: skip

BAD_ROWS = [
    BadRow(
        "an external id in two rows",
        f"{PEOPLE},external_source,external_id\nA,B,a@x.example,s,1\nC,D,c@x.example,s,1\n",
        "Row 3: Duplicate contact with external_id '1'",
    ),
    BadRow(
        "a reference by an id that was never brought",
        f"{PEOPLE},company_external_id\nA,B,a@x.example,\nC,D,c@x.example,9\n",
        "Row 3: Company with external_id '9' not found",
    ),
    BadRow(
        "an id that is too long",
        f"{PEOPLE},external_id\nA,B,a@x.example,1\nC,D,c@x.example,{'9' * 256}\n",
        "Row 3: Value too long in 'external_id' (maximum 255 characters)",
    ),
    BadRow(
        "an id that is too long, where others are left blank",
        f"{PEOPLE},external_source\nA,B,a@x.example,s\nC,D,c@x.example,{'s' * 51}\n",
        "Row 3: Value too long in 'external_source' (maximum 50 characters)",
        options={"invalid": "blank"},
    ),
    BadRow(
        "a row that names nobody",
        f"{PEOPLE},notes\nA,,,\n,,,Somebody\n",
        "Row 3: A contact needs a first name, last name, e-mail, phone, mobile or company",
        options={"incomplete": "accept"},
    ),
    BadRow(
        "an error value of a workbook",
        made(["name", "phone"], ["Acme", "1"], ["Beta", "#N/A"]),
        "Row 3: Spreadsheet error value '#N/A' in 'phone'",
        entity="companies",
    ),
    BadRow(
        "a date in another order than is said",
        "activity_type,subject,due_date\ncall,One,31/12/2025\ncall,Two,12/31/2025\n",
        "Row 3: Invalid date format in 'due_date'",
        entity="activities",
        options={"dates": "dmy"},
    ),
]  # fmt: skip
