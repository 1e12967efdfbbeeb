"""Sheets so long that their rows are read by a pattern, with rows among them that are written in another way."""

import pytest

from importexport import errors
from tests.importexport.files.workbooks.reading import rows_of
from tests.support.workbooks import written

STRINGS = "<si><t>Ada</t></si><si><t>O&apos;Neil &amp; Co</t></si><si><t>#N/A</t></si>"
STYLES = '<cellXfs><xf/><xf numFmtId="14"/></cellXfs>'
#: Rows of about as many bytes as are read at a time, and a few more.
MANY = 2_000


def named(number):
    """Return a row as Excel writes it."""
    return (
        f'<row r="{number}" spans="1:4"><c r="A{number}" t="s"><v>1</v></c>'
        f'<c r="B{number}" s="1"><v>45823</v></c><c r="D{number}"><v>{number}.50</v></c></row>'
    )


def bare(number):
    """Return a row as our export writes it."""
    return f'<row><c t="inlineStr"><is><t xml:space="preserve">&lt;{number}&gt;</t></is></c><c/><c s="1"><v>1</v></c></row>'


def cells_of(row, odd):
    """Return the first row, some odd ones, and the last one, which all are between many others."""
    first = [row(number) for number in range(1, MANY)]
    last = [row(number) for number in range(MANY + 100, 2 * MANY)]
    found = rows_of(written("".join([*first, *odd, *last]), strings=STRINGS, styles=STYLES))
    numbers = [*found]
    assert len(numbers) == len(first) + len(odd) + len(last)
    assert numbers == sorted(numbers)
    return [found[number] for number in (2, *numbers[MANY - 1 : MANY - 1 + len(odd)], numbers[-1])]


def test_cells_that_are_missing():
    odd = [
        f'<row r="{MANY}"><c r="B{MANY}"><v>7</v></c></row>',
        f'<row r="{MANY + 1}"><c r="E{MANY + 1}"><v>8</v></c></row>',
    ]
    assert cells_of(named, odd) == [
        ["O'Neil & Co", "2025-06-15", "", "2.5"],
        ["", "7", "", ""],
        ["", "", "", "", "8"],
        ["O'Neil & Co", "2025-06-15", "", f"{2 * MANY - 1}.5"],
    ]


def test_cells_of_another_kind_than_those_above_them():
    odd = [
        f'<row r="{MANY}"><c r="A{MANY}"><v>1</v></c><c r="B{MANY}" t="s"><v>0</v></c><c r="C{MANY}" t="s"><v>2</v></c>'
        f'<c r="D{MANY}" s="1"/></row>',
        f'<row r="{MANY + 1}"><c r="A{MANY + 1}" t="b"><v>1</v></c><c r="C{MANY + 1}" t="e"><v>#N/A</v></c></row>',
    ]
    assert cells_of(named, odd)[1:-1] == [["1", "Ada", "'#N/A", ""], ["true", "", "#N/A", ""]]


def test_attributes_in_another_order():
    odd = [
        f'<row spans="1:4" r="{MANY + 50}"><c s="1" r="B{MANY + 50}"><v>1</v></c></row>',
        f'<row r="{MANY + 51}"><c t="s" r="A{MANY + 51}"><v>0</v></c></row>',
    ]
    assert cells_of(named, odd)[1:-1] == [["", "1900-01-01", "", ""], ["Ada", "", "", ""]]


def test_rows_without_names():
    odd = [
        "<row><c/><c><v>5</v></c></row>",
        '<row><c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c><c/></row>',
    ]
    assert cells_of(bare, odd) == [
        ["<2>", "", "1900-01-01"],
        ["", "5", ""],
        ["ab", "", ""],
        [f"<{2 * MANY - 1}>", "", "1900-01-01"],
    ]


def test_names_in_a_sheet_without_them():
    odd = ['<row><c r="C2030"><v>5</v></c><c r="A2030"><v>6</v></c></row>', '<row r="2050"><c><v>7</v></c></row>']
    assert cells_of(bare, odd)[1:-1] == [["6", "", "5"], ["7", "", ""]]


def test_names_tell_the_number_of_a_row_without_one():
    content = "".join([*map(named, range(1, MANY)), named(MANY + 3).replace(f' r="{MANY + 3}"', "", 1)])
    without = content.replace("<row r=", "<row ignored=")
    for rows in (content, without):
        found = rows_of(written(rows, strings=STRINGS, styles=STYLES))
        assert [*found][-2:] == [MANY - 1, MANY + 3]


def test_attributes_in_single_quotation_marks():
    odd = [named(number).replace('"', "'") for number in (MANY, MANY + 1)]
    assert cells_of(named, odd)[1:-1] == [
        ["O'Neil & Co", "2025-06-15", "", f"{number}.5"] for number in (MANY, MANY + 1)
    ]


def test_blank_rows_count():
    blank = f'<row r="{MANY}"/><row r="{MANY + 1}"><c r="A{MANY + 1}"/></row><row r="{MANY + 2}"></row>'
    content = written("".join([*map(named, range(1, MANY)), blank, named(MANY + 3)]), strings=STRINGS, styles=STYLES)
    assert [*rows_of(content)][-2:] == [MANY - 1, MANY + 3]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f'<row r="{MANY}"><c r="A{MANY}"><f>1+1</f></c></row>', f"The formula in cell A{MANY} has no value"),
        (f'<row r="{MANY}"><c r="A{MANY}"><f>1+1</f><v></v></c></row>', f"The formula in cell A{MANY} has no value"),
        (named(MANY - 1), "is damaged"),
        (named(1_048_577), "is damaged"),
        (f'<row r="{MANY}"><c r="A{MANY}" t="s"><v>3</v></c></row>', "is damaged"),
        (f'<row r="{MANY}"><c r="A{MANY}" t="s"><v>-1</v></c></row>', "is damaged"),
        (f'<row r="{MANY}"><c r="A{MANY}"><v>many</v></c></row>', "is damaged"),
    ],
)
def test_faults_far_below(row, sentence):
    content = written("".join([*map(named, range(1, MANY)), row]), strings=STRINGS, styles=STYLES)
    with pytest.raises(errors.FileError, match=sentence):
        rows_of(content)
