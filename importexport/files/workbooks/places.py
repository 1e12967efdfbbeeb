"""Where cells stand: the letters of columns, and the limits of a sheet."""

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
