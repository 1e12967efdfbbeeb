"""Where cells stand: the letters of columns, and the limits of a sheet."""

from string import ascii_uppercase

from importexport import errors

#: A sheet has no more rows and columns.
ROWS, COLUMNS = 1_048_576, 16_384


class Columns(dict[str, int]):
    """The position of a column by its letters."""

    def __missing__(self, letters: str) -> int:
        number = 0
        for letter in letters:
            number = number * 26 + ord(letter) - 64
        if number > COLUMNS:
            raise errors.damaged_workbook()
        self[letters] = number - 1
        return number - 1


def column_letters(position: int) -> str:
    """Return the letters of a column: 0 → A, 26 → AA."""
    letters, number = "", position + 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def range_name(top: int, bottom: int, left: int, right: int) -> str:
    """Return the name of a range of cells: A1:B2. The bottom and the right do not belong to it."""
    return f"{column_letters(left)}{top + 1}:{column_letters(right - 1)}{bottom}"


def first_cell(name: str) -> tuple[int, int, str]:
    """Return the place of a range's first cell, by which ranges are sorted: B12:C13 → 12, 1, B."""
    cell = name.partition(":")[0]
    digits = cell.lstrip(ascii_uppercase)
    letters = cell.removesuffix(digits)
    return int(digits), len(letters), letters


def last_row(name: str) -> int:
    """Return the number of the last row of a range: A1:B2 → 2."""
    return int(name.rpartition(":")[2].lstrip(ascii_uppercase))
