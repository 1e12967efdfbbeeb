"""The header that names the ignored columns."""

import pytest

from importexport.api.ignored_columns import listed_names
from tests.importexport.api.wire import IMPORT, form


def test_5_000_columns_are_named_as_far_as_a_header_goes(api, key):
    names = [f"column {i}" for i in range(4997)]
    table = ",".join(["first_name,last_name,email", *names]) + "\n" + "A,B,c@example.com" + ",x" * 4997
    answer = api.upload(IMPORT, form(table.encode()), key=key)
    listed = answer.headers["X-Import-Ignored-Columns"]
    assert answer.json["imported"] == 1
    assert 1000 < len(listed) <= 1024
    assert listed.split(",") == names[: listed.count(",") + 1]


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (["Favourite colour", "x-y"], "Favourite colour,x-y"),
        (["Größe", "100%", "a,b", 'say "x"', "tab\tline\n"], 'Gr%C3%B6%C3%9Fe,100%25,a%2Cb,say "x",tab%09line%0A'),
        (["é" * 500], "%C3%A9" * 170),
        (["a" * 1024, "b"], "a" * 1024),
    ],
)
def test_ignored_columns_are_listed(names, listed):
    assert listed_names(names) == listed
