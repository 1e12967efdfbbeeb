"""ODS as a source of rows: cells as programs write them."""

import pytest

from tests.importexport.files.workbooks.reading import only_cell, rows_of
from tests.support.workbooks import ods

HEADER = "<table:table-row><table:table-cell><text:p>cell</text:p></table:table-cell></table:table-row>"


@pytest.mark.parametrize(
    ("attributes", "content", "text"),
    [
        ('office:value-type="float" office:value="1067"', "<text:p>01067</text:p>", "01067"),
        ('office:value-type="float" office:value="612345678"', "<text:p>06 12 34 56 78</text:p>", "0612345678"),
        ('office:value-type="float" office:value="1067"', "<text:p>1.067,00</text:p>", "1067"),
        ('office:value-type="float" office:value="0.5"', "<text:p>05</text:p>", "0.5"),
        ('office:value-type="float" office:value="-5"', "<text:p>-05</text:p>", "-5"),
        ('office:value-type="boolean" office:boolean-value="true"', "<text:p>WAHR</text:p>", "true"),
        ('office:value-type="boolean" office:boolean-value="1"', "<text:p>WAHR</text:p>", "true"),
        ('office:value-type="percentage" office:value="0.125"', "<text:p>13%</text:p>", "12.5%"),
        ('office:value-type="currency" office:value="1234.5"', "<text:p>1.234,50 €</text:p>", "1234.5"),
        ('office:value-type="time" office:time-value="PT36H30M00S"', "<text:p>36:30</text:p>", "36:30:00"),
        ('office:value-type="date" office:date-value="2025-06-15"', "<text:p>15.06.25</text:p>", "2025-06-15"),
    ],
)
def test_cells_are_those_that_a_csv_file_has(attributes, content, text):
    row = f"<table:table-row><table:table-cell {attributes}>{content}</table:table-cell></table:table-row>"
    assert only_cell(ods(HEADER + row)) == text


@pytest.mark.parametrize(
    "content",
    [
        "<office:annotation><text:p>a comment</text:p></office:annotation><text:p>Ada</text:p>",
        "<draw:frame><draw:text-box><text:p>a box</text:p></draw:text-box></draw:frame><text:p>Ada</text:p>",
        "<text:p>Ada</text:p><draw:custom-shape><text:p/></draw:custom-shape>",
        "<text:p>A<text:note><text:note-body><text:p>a note</text:p></text:note-body></text:note>da</text:p>",
        "<text:p><text:ruby><text:ruby-base>Ada</text:ruby-base><text:ruby-text>eɪdə</text:ruby-text></text:ruby></text:p>",
    ],
)
def test_what_is_drawn_on_a_cell_is_not_its_text(content):
    row = f"<table:table-row><table:table-cell>{content}</table:table-cell></table:table-row>"
    assert only_cell(ods(HEADER + row)) == "Ada"


def test_copies_of_other_files_are_no_sheets():
    links = f"<table:dde-links><table:dde-link><table:table>{HEADER}</table:table></table:dde-link></table:dde-links>"
    assert rows_of(ods(HEADER, behind=links)) == {1: ["cell"]}
