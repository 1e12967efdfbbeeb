"""Full names beside first and last names: they fill what is blank, and what they say besides is told."""

import json
from urllib.parse import urlencode

import pytest

from crm.models import Contact
from importexport.models import ImportRun

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("full", "first", "last", "stored"),
    [
        ("Ada King Example", "Ada", "", ("Ada", "King Example")),
        ("Ada King Example", "", "king example", ("Ada", "king example")),
        ("Example, Ada", "Ada", "", ("Ada", "Example")),
        ("Example, Ada", "", "Example", ("Ada", "Example")),
        ("Ada", "Ada", "", ("Ada", "")),
        ("Ada Example", "Bo", "Sample", ("Bo", "Sample")),
    ],
)
def test_a_full_name_fills_the_part_that_is_blank(api, full, first, last, stored):
    content = f'Who,first_name,last_name,phone\n"{full}",{first},{last},1\n'
    mapping = json.dumps({"Who": "full_name"})
    api.import_csv("contacts", content, urlencode({"mapping": mapping, "incomplete": "accept"}))
    assert Contact.objects.values_list("first_name", "last_name").get() == stored


def test_a_full_name_beside_another_first_name_is_told(api):
    content = "Who,first_name,last_name,phone\nAda King Example,Augusta,,1\n"
    options = {"mapping": json.dumps({"Who": "full_name"}), "incomplete": "accept"}
    response = api.post_file("contacts", content, query=urlencode(options))
    assert response["X-Import-Warnings"] == "1"
    (warning,) = ImportRun.objects.get().warnings
    assert "'Ada King Example' in 'Who' is not imported: 'first_name' has another value already" in str(warning)
