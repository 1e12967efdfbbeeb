"""Workbooks that are made to take the machine down: each is refused, or read, within the limits of memory and time."""

import io
import re
import signal
import zipfile
from pathlib import Path

import pytest

from importexport import errors
from importexport.files.opening import open_rows
from importexport.files.workbooks.__main__ import MEMORY_LIMIT, TIME_LIMIT
from tests.importexport.files.workbooks.reading import rows_of
from tests.support.workbooks import MAIN, made, ods, written

ROW = '<row><c t="inlineStr"><is><t>name</t></is></c></row>'
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


def refusal(content, **options):
    """Return the sentence by which a workbook is refused."""
    with pytest.raises(errors.FileError) as refused:
        rows_of(content, **options)
    return str(refused.value)


def test_the_process_that_reads_has_limits():
    rows = open_rows(io.BytesIO(made(["name"], *([f"Company {number}"] for number in range(50_000)))), score=len)
    limits = Path(f"/proc/{rows.process.pid}/limits").read_text()
    assert re.search(rf"Max address space +{MEMORY_LIMIT} ", limits)
    assert re.search(rf"Max cpu time +{TIME_LIMIT} ", limits)


def test_the_process_ends_with_its_rows():
    rows = open_rows(io.BytesIO(made(["name"], *([f"Company {number}"] for number in range(50_000)))), score=len)
    process = rows.process
    del rows
    assert process.returncode == -signal.SIGKILL


def test_more_memory_than_allowed():
    """A single character makes the others of its text four times as large."""
    strings = f"<si><t>\U0001f600{'x' * 20_000_000}</t></si>" * 8
    content = written(ROW + '<row><c t="s"><v>1</v></c></row>', strings=strings, method=zipfile.ZIP_STORED)
    assert "too large once it is unpacked" in refusal(content)


def test_a_bomb_is_known_by_its_directory():
    content = written(ROW, **{"xl/worksheets/sheet1.xml": "x" * (80 * 1024**2)})
    assert len(content) < 100_000
    assert "too large once it is unpacked" in refusal(content)


def test_no_more_is_unpacked_than_the_directory_says():
    content = bytearray(written(ROW + "<row><c><v>1</v></c></row>" * 10_000))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    content = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert "is damaged" in refusal(bytes(content))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"]
)
def test_entities_are_not_expanded(part):
    content = written(ROW, **{part: LAUGHS + f'<workbook xmlns="{MAIN}">&c;</workbook>'})
    assert "is damaged" in refusal(content)


def test_a_claim_of_all_rows_and_columns_costs_nothing():
    content = written(
        "", sheets={
            "S": f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>{ROW}'
            '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
        },
    )  # fmt: skip
    found = rows_of(content)
    assert [*found] == [1, 1_048_576]
    assert found[1_048_576] == [*[""] * 16_383, "1"]


def test_a_header_of_all_columns():
    cells = '<c t="inlineStr"><is><t>x</t></is></c>' * 16_384
    assert refusal(written(f"<row>{cells}</row>")) == "The header has more than 5000 columns."


@pytest.mark.parametrize("row", ['<row r="1048577"><c><v>1</v></c></row>', '<row><c r="XFE2"><v>1</v></c></row>'])
def test_places_outside_a_sheet(row):
    assert "is damaged" in refusal(written(ROW + row))


def test_a_string_that_is_referred_to_all_over():
    strings = f"<si><t>{'x' * 5_000_000}</t></si>"
    row = '<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>'
    assert refusal(written(ROW + row * 1_000, strings=strings)) == "Row 2 is longer than 10485760 bytes."


def test_a_cell_without_end():
    content = written(f'{ROW}<row><c t="inlineStr"><is><t>{"x" * 40_000_000}')
    assert "too large once it is unpacked" in refusal(content)


def test_elements_without_end():
    content = written(f"{ROW}<row><x>{'<x>' * 5_000_000}</row>")
    assert "too large" in (sentence := refusal(content)) or "is damaged" in sentence


def test_a_repeated_row_of_ods():
    cell = '<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="16384"/>'
    content = ods(
        f'<table:table-row><table:table-cell office:value-type="float" office:value="1"/></table:table-row>'
        f'<table:table-row table:number-rows-repeated="1048575">{cell}</table:table-row>'
    )
    rows = open_rows(io.BytesIO(content), score=len)
    numbers, records = rows.next_rows(rows=1000, size=1024**2)
    assert numbers[0] == 2
    assert sum(map(len, records)) < 4 * 1024**2


def test_damaged_files():
    whole = made(["name"], *([f"Company {number}"] for number in range(500)))
    for content in (whole[:-500], whole[: len(whole) // 2], whole[:3000] + b"\xff" * 500 + whole[3500:]):
        assert "is damaged" in refusal(content)


def test_a_file_over_the_limit_is_not_read_further():
    with pytest.raises(errors.TooLarge):
        open_rows(io.BytesIO(made(["name"]) + bytes(100_000)), score=len, max_bytes=50_000)
