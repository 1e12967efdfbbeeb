"""Imports the files of other programs as they are, and compares what is stored with what a perfect import gives."""

import csv
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.api import Api

FOLDER = Path(__file__).parent
#: What is said of every file: recognise the program, and take records that lack what ours must have.
OPTIONS = {"source": "auto", "incomplete": "accept", "duplicates": "keep"}
#: Files of which more has to be said: a contact whose company was never brought is stored without it.
MORE_OPTIONS = {
    "salesforce_contacts_api": {"invalid": "blank"},
    # Its last row has nothing but a company, which is no contact for whoever imports it.
    "mautic_contacts": {"incomplete": "reject"},
    # The file has no ids, and three deals of one name: what tells them apart is when they were created.
    "dynamics_opportunities": {"mapping": '{"Created On": "external_id"}'},
}
#: Records that are stored otherwise than proposed, with the reason.
OTHERWISE = {
    ("hubspot_contacts", 0): "a marketing qualified lead is qualified, as the contract says",
    ("pipedrive_deals", 0): "a new stage gets the probability of the pipeline's first stage, or what the row says",
}


@dataclass(frozen=True)
class VendorFile:
    """A file of another program, and what is expected of it."""

    name: str

    @cached_property
    def expected(self) -> dict[str, Any]:
        """What a perfect import gives, and how the file is to be imported."""
        return json.loads((FOLDER / f"{self.name}.expected.json").read_text(encoding="utf-8"))

    @property
    def entity(self) -> str:
        """The entity of its records."""
        return self.expected["entity"]

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return (FOLDER / f"{self.name}.csv").read_bytes()

    @property
    def query(self) -> str:
        """The options of its import."""
        encoding = {"encoding": "windows-1252"} if self.expected["encoding"] == "cp1252" else {}
        return urlencode(OPTIONS | self.expected["options"] | encoding | MORE_OPTIONS.get(self.name, {}))

    @property
    def files_before(self) -> list["VendorFile"]:
        """The files that have to be imported first."""
        return [VendorFile(name.removesuffix(".csv")) for name in self.expected["import_first"]]


@dataclass
class Comparison:
    """How the records that a file has given compare with those expected."""

    total: int
    #: What differs: the position of the record, and what was expected and found.
    differences: list[tuple[int, str]] = field(default_factory=list)
    #: What is wrong besides the records: counts, rejected rows, external ids.
    problems: list[str] = field(default_factory=list)

    @property
    def exact(self) -> int:
        """The number of records that are stored exactly as expected."""
        return self.total - len(self.differences)


def vendor_files() -> list[VendorFile]:
    """Return all files, by name."""
    return [VendorFile(path.stem) for path in sorted(FOLDER.glob("*.csv"))]


def compare(file: VendorFile, api: Api) -> Comparison:
    """Import a file, and those that come before it, into an empty tenant; return how its records compare."""
    bring_first(file, api, set())
    before = len(records(api, file.entity))
    response = api.post_file(file.entity, file.content, query=file.query)
    wanted = file.expected["expect"][file.entity]
    comparison = Comparison(len(wanted))
    if response.status_code != 200:
        comparison.differences = [(n, "not imported") for n in range(len(wanted))]
        comparison.problems.append(json.loads(response.content)["detail"])
        return comparison
    result = json.loads(response.getvalue())
    found = records(api, file.entity)[before:]
    comparison.differences = list(differences(wanted, found))
    comparison.problems += other_problems(file, result, found)
    comparison.problems += lost_silently(file, api)
    return comparison


def bring_first(file: VendorFile, api: Api, brought: set[str]) -> None:
    """Import the files that a file refers to, each once and after those that it refers to itself."""
    for one in file.files_before:
        if one.name not in brought:
            brought.add(one.name)
            bring_first(one, api, brought)
            api.post_file(one.entity, one.content, query=one.query)


def records(api: Api, entity: str) -> list[dict[str, str]]:
    """Return the exported records with their external ids."""
    columns = api.get(f"{entity}/template").getvalue().decode().strip()
    response = api.get(f"{entity}/export?columns={columns},external_id")
    return list(csv.DictReader(io.StringIO(response.getvalue().decode(), newline="")))


def differences(wanted: list[dict[str, str]], found: list[dict[str, str]]):
    """Yield the position of each record that is not as expected, and what differs."""
    for n, record in enumerate(wanted):
        if n >= len(found):
            yield n, "not stored"
            continue
        differing = {name: (value, found[n][name]) for name, value in record.items() if found[n][name] != value}
        if differing:
            yield n, "; ".join(f"{name}: {there!r} instead of {value!r}" for name, (value, there) in differing.items())


def other_problems(file: VendorFile, result: dict[str, Any], found: list[dict[str, str]]) -> list[str]:
    """Return what is wrong with the counts, the messages about rejected rows, and the external ids."""
    expect, problems = file.expected["expect"], []
    if result["totalRows"] != expect["totalRows"]:
        problems.append(f"{result['totalRows']} rows instead of {expect['totalRows']}")
    wanted = expect.get("skipped", [])
    same = len(wanted) == len(result["errors"]) and all(map(is_as_wanted, result["errors"], wanted))
    if not same:
        problems.append(f"rejected: {result['errors']} instead of {wanted}")
    ids = file.expected.get("external_ids", {}).get(file.entity)
    if ids and [record["external_id"] for record in found] != ids[: len(found)]:
        problems.append(f"external ids: {[record['external_id'] for record in found]} instead of {ids}")
    return problems


def lost_silently(file: VendorFile, api: Api) -> list[str]:
    """Return what is not imported and not told either, of that which must be told."""
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    told = [name for name, filled in run["ignoredCells"].items() if filled]
    told += [one["header"] for one in run["reading"]["columns"] if one["column"]]
    told += [sentence for one in run["warnings"] for sentence in (one["sentence"], one["example"], one["column"])]
    kinds = {"second": "second_value"}
    codes = {one["code"] for one in run["warnings"]}
    return [
        f"lost silently: {item}"
        for item in file.expected.get("must_not_be_lost_silently", [])
        if not any(item in text or item.split()[0] == text for text in told) and kinds.get(item.split()[0]) not in codes
    ]


def is_as_wanted(message: str, wanted: str) -> bool:
    """Whether a message is the expected one; of a sentence in angle brackets, only the row is."""
    return message.startswith(wanted.partition("<")[0]) if "<" in wanted else message == wanted
