"""A lone CR in a file whose lines end otherwise: it ends a row where both halves are whole, and cuts no cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.models import Company
from importexport.files.text import lines
from tests.importexport.files.reading import reader_of, rows_of


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_lone_cr_cuts_no_cell_and_its_row_is_refused(api, end):
    content = f"name,city{end}Ac\rme,Berlin{end}Globex,Paris{end}"
    assert api.errors("companies", content) == ["Row 2: Invalid character in 'name'"]
    assert api.rows("companies") == [{"name": "Globex", "city": "Paris"}]


@pytest.mark.parametrize(
    ("header", "row", "error"),
    [
        ("first_name,last_name,email", "A,B,a@\rb.example", "Invalid character in 'email'"),
        ("first_name,last_name,email", "\rA,B,a@b.example", "Invalid character in 'first_name'"),
        ("first_name,last_name,email", "A,B,a@b.example\r\r", "Invalid character in 'email'"),
        ("first_name,last_name,email,Shoe size", "A,B,a@b.example,4\r4", "Invalid character in 'Shoe size'"),
        ("Shoe size,first_name,last_name,email", "4\r4,,B,a@b.example", "Required field 'first_name' is empty; Invalid character in 'Shoe size'"),
        ("first_name,last_name,email", "A,B\rC,a@b.example,D,E", "Expected 3 columns, found 5"),
        ("first_name,last_name,email", 'A,B,"a@b.example"\r\r', "Invalid character in 'email'"),
        ("first_name,last_name,email", 'A,B\r"C" D,a@b.example', "Invalid character in 'last_name'"),
    ],
)  # fmt: skip
def test_the_column_of_a_lone_cr_is_named(api, header, row, error):
    assert api.errors("contacts", f"{header}\n{row}\nA,B,c@d.example\n")[:1] == [f"Row 2: {error}"]


def test_a_column_without_a_name_or_with_an_endless_one_is_named_briefly(api):
    assert api.errors("companies", f"name,,{'x' * 500}\nA,b\rc,\nB,,b\rc\n") == [
        "Row 2: Invalid character in 'column 2'",
        f"Row 3: Invalid character in '{'x' * 100}'",
    ]


def test_a_lone_cr_between_whole_rows_ends_a_row(api):
    assert api.errors("companies", "name,city\nAcme,Berlin\rGlobex,Paris\nInitech,\r,Rome\n") == [
        "Row 5: Required field 'name' is empty"
    ]
    assert [row["name"] for row in api.rows("companies")] == ["Acme", "Globex", "Initech"]


def test_a_cr_at_the_end_of_the_file_ends_its_row(api):
    assert api.import_csv("companies", "name,city\nAcme,Berlin\r")["imported"] == 1


def test_a_cr_inside_quotes_is_a_line_break_of_the_cell(api):
    assert api.import_csv("companies", 'name,notes\nAcme,"one\rtwo\r\nthree"\nGlobex,x\n')["imported"] == 2
    assert Company.objects.get(name="Acme").notes == "one\ntwo\nthree"


def test_a_file_whose_first_line_ends_with_cr_uses_cr(api):
    assert api.import_csv("companies", "name,city\rAcme\rGlobex,Paris\rInitech,a\nb,c\r")["imported"] == 4
    assert [row["name"] for row in api.rows("companies")] == ["Acme", "Globex", "Initech", "b"]


def test_a_line_break_in_a_quoted_header_is_no_first_line():
    assert rows_of('name,"ci\rty"\nAc\rme,b\n') == [(2, ["Ac\rme", "b"])]
    assert rows_of('name,"ci\nty"\rAcme\rGlobex\r') == [(2, ["Acme"]), (3, ["Globex"])]


def test_white_space_with_lone_crs_is_a_blank_row():
    assert rows_of("name,city\n\r \r\r\nAcme,Berlin\n") == [(3, ["Acme", "Berlin"])]


def test_rows_of_cr_lines_below_an_lf_header_are_read_in_batches():
    content = "name,city\n" + "".join(f"C{n},x\r" for n in range(20_000))
    reader = reader_of(content)
    numbers, records = reader.next_rows(rows=3_000, size=10**6)
    assert len(numbers) <= 3_000
    assert records[0] == ["C0", "x"]
    assert [number for number, _ in rows_of(content, rows=3_000)] == list(range(2, 20_002))


def expected_rows(text, width):
    """Return the rows of LF lines without quotes, part by part as the contract says."""
    rows = []
    for line in text.split("\n")[:-1]:
        row = None
        for part in line.removesuffix("\r").split("\r"):
            cells = part.split(",")
            if row is None or len(row) == width == len(cells):
                row = cells
                rows.append(row)
            else:
                row[-1] += "\r" + cells[0]
                row += cells[1:]
    return [(n, row) for n, row in enumerate(rows, 2) if "".join(row).strip()]


@given(
    text=st.lists(st.sampled_from(["a", "b", ",", "\r", "\n", "b,c", "a,b\r"]), max_size=25).map("".join),
    rows=st.integers(1, 4),
    chunk=st.sampled_from([1, 2, 3, 7, 1000]),
)
def test_any_lone_crs_are_read_as_the_contract_says(text, rows, chunk):
    body = text + "\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        assert rows_of(f"name,city\n{body}", rows=rows) == expected_rows(body, 2)
