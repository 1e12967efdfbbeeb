"""Headers and values that match alike: a mapping tells apart what the file spells apart, and nothing is lost silently."""

import json
from urllib.parse import urlencode

import pytest

from crm.models import Contact
from tests.support.api import problem

pytestmark = pytest.mark.django_db
HEAD = "first_name,last_name,email"


def import_with(api, header, cells, **options):
    query = urlencode({name: json.dumps(value) for name, value in options.items()})
    content = f"{HEAD},{header}\nA,B,a@x.example,{cells}\n"
    return api.post_file("contacts", content, query=query)


def detail(response):
    status, sentence = problem(response)
    assert (status, Contact.objects.count()) == (400, 0)
    return sentence


@pytest.mark.parametrize(("mapping", "stored"), [({"x": "notes", "X": None}, "1"), ({"X": "notes", "x": None}, "2")])
def test_headers_that_differ_in_case_alone_are_mapped_by_their_spelling(api, mapping, stored):
    assert import_with(api, "x,X", "1,2", mapping=mapping).status_code == 200
    assert Contact.objects.get().notes == stored


def test_what_the_sentence_about_two_headers_advises_helps(api):
    wishes = {"Remark": "notes"}
    assert "'Remark' and 're-mark' both give 'notes'" in detail(
        import_with(api, "Remark,re-mark", "1,2", mapping=wishes)
    )
    assert import_with(api, "Remark,re-mark", "1,2", mapping=wishes | {"re-mark": None}).status_code == 200
    assert Contact.objects.get().notes == "1"


def test_two_headers_of_one_name_cannot_be_told_apart(api):
    assert detail(import_with(api, "x,x", "1,2", mapping={"x": "notes"})) == (
        "Two headers are called 'x', and both give 'notes'. Rename one of them in the file, or leave out both with"
        ' mapping={"x": null}.'
    )


def test_one_header_cannot_be_mapped_by_two_spellings(api):
    assert detail(import_with(api, "Remark", "1", mapping={"Remark": "notes", "re-mark": "city"})) == (
        "The mapping names a header that the file does not have: 're-mark'. The file has 'first_name', 'last_name',"
        " 'email', 'Remark'."
    )


def test_one_value_cannot_have_two_meanings(api):
    values = {"lifecycle_stage": {"In use": "customer", "in-use": "lead"}}
    assert detail(import_with(api, "lifecycle_stage", "in use", values=values)) == (
        "'values' gives 'lifecycle_stage' two meanings of one value: 'In use' and 'in-use' match the same cells."
    )
    same = {"lifecycle_stage": {"In use": "customer", "in-use": "customer"}}
    assert import_with(api, "lifecycle_stage", "IN USE", values=same).status_code == 200
    assert Contact.objects.get().lifecycle_stage == "customer"
