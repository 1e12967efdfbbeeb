"""The tables of other programs are complete, and each header is recognised by its company."""

import csv

import pytest

from importexport.errors import FileError
from importexport.resources import RESOURCES
from importexport.sources.parts import FOREIGN
from importexport.sources.presets import EXTRAS, presets
from importexport.sources.recognise import header_labels, recognise
from importexport.sources.values import value_maps
from tests.vendor_files.comparing import FOLDER, vendor_files

ALL = [preset for several in presets().values() for preset in several]
ids = lambda preset: f"{preset.name} {preset.entity}"  # noqa: E731 - names the argument


@pytest.mark.parametrize("preset", ALL, ids=ids)
def test_a_table_names_columns_that_there_are(preset):
    columns = {*RESOURCES[preset.entity]().in_files, *FOREIGN, *EXTRAS, ""}
    assert {rule.column for rule in (*preset.rules.values(), *preset.constants)} <= columns


@pytest.mark.parametrize("preset", ALL, ids=ids)
def test_a_table_names_maps_and_columns_in_its_steps_that_there_are(preset):
    columns = RESOURCES[preset.entity].column_names()
    headers = {rule.header for rule in preset.rules.values()}
    for rule in preset.rules.values():
        assert rule.steps.get("map") in {None, *value_maps()}
        assert rule.steps.get("first_line") in {None, *columns}
        assert rule.steps.get("default") in {None, *columns}
        assert rule.steps.get("time_of") in {None, *headers}
        assert rule.steps.get("prefix") in {None, *headers}


def test_values_lead_to_values_of_ours():
    choices = {
        name: set(column.target.choices)
        for resource in RESOURCES.values()
        for name, column in resource().fields.items()
        if column.target.choices
    }
    choices |= {"lead_status": choices["lifecycle_stage"], "deal_status": {"won", "lost", "open"}}
    for name, meanings in value_maps().items():
        assert set(meanings.values()) <= choices[name]


@pytest.mark.parametrize("file", vendor_files(), ids=lambda file: file.name)
def test_a_program_is_recognised_by_its_headers(file):
    encoding = file.expected["encoding"]
    rows = list(csv.reader((FOLDER / f"{file.name}.csv").read_text(encoding=encoding).splitlines()))
    header = max(rows[:5], key=lambda row: len(header_labels(row)))
    preset = recognise(header, entity=file.entity)
    assert preset is not None
    assert file.name.startswith(preset.source.removesuffix("365"))


@pytest.mark.parametrize("header", ["First Name,Last Name,Email", "name,city", "Title", "a,b,c", ""])
def test_headers_that_many_programs_have_prove_nothing(header):
    assert recognise(header.split(","), entity="contacts") is None


def test_records_of_another_entity_are_told():
    header = (FOLDER / "hubspot_companies.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    with pytest.raises(FileError, match=r"HubSpot's export of companies, not of deals"):
        recognise(header, entity="deals")


def test_a_header_that_fits_two_programs_equally_is_a_question():
    zoho = ["Contact Owner.id", "Vendor Name.id", "Unsubscribed Mode"]
    hubspot = ["Associated Company IDs (Primary)", "Mobile Phone Number", "Número de teléfono"]
    with pytest.raises(FileError, match=r"several programs equally: (zoho, hubspot|hubspot, zoho)"):
        recognise([*zoho, *hubspot], entity="contacts")
