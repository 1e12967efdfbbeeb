"""What a spreadsheet would run or take for an error is marked, and a marked cell stands for its text."""

import pytest

from importexport.files import formula


@pytest.mark.parametrize("text", [*formula.ERROR_VALUES, "#n/a", "#Name?"])
def test_an_error_value_is_marked_and_then_it_is_text(text):
    assert formula.is_error_value(text)
    assert formula.mark(text) == f"'{text}"
    assert not formula.is_error_value(f"'{text}")
    assert formula.unmark(f"'{text}") == text


@pytest.mark.parametrize("text", ["#", "#1", "#N/A!", "see #N/A", "#N/A ", "N/A", "#ſPILL!", "'#tag"])
def test_what_only_resembles_an_error_value_is_not_marked(text):
    assert not formula.is_error_value(text)
    assert formula.mark(text) == text == formula.unmark(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="01067"', "01067"),
        ('=""', ""),
        ('="a ""b"""', 'a "b"'),
        ('="=1+1"', "=1+1"),
        ('="two\nlines"', "two\nlines"),
        ('\'="01067"', '="01067"'),
        ("''=\"01067\"", '\'="01067"'),
        ('="a"b"', '="a"b"'),
        ('="a"&"b"', '="a"&"b"'),
        ("=01067", "=01067"),
    ],
)
def test_the_text_form_of_a_spreadsheet_is_its_text(cell, text):
    assert formula.unmark(cell) == text
    assert list(formula.unmark_column([cell, "x"])) == [text, "x"]
    assert list(formula.unmark_column(["x", cell])) == ["x", text]


@pytest.mark.parametrize("cell", ["+" + "1" * 100_000 + "x", "+" + " " * 100_000, "'" * 100_000, '="' + '"' * 99_999])
def test_endless_cells_are_marked_and_unmarked_in_linear_time(cell):
    assert formula.unmark(formula.mark(cell)) == cell
