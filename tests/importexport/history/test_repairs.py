"""Corrections: rejected rows are corrected and imported again with their original numbers, and related runs add up."""

import csv
import io

import pytest

from crm.models import Contact
from importexport.models import ImportRun
from tests.support.api import problem

HEAD = "first_name,last_name,email,phone\n"


@pytest.fixture
def first(api):
    """An import of six rows, four of which were rejected."""
    rows = ["A,B,a@example.com,", "A,B,x,", "A,B,y,", "A,B,b@example.com,", ",B,c@example.com,", "A,B,z,"]
    api.post_file("contacts", HEAD + "\n".join(rows) + "\n", name="people.csv")
    return str(ImportRun.objects.get().pk)


def rejected(api, run_id):
    response = api.get(f"imports/{run_id}/rejected")
    assert response.status_code == 200
    return response.getvalue().decode()


def test_the_rejected_file_says_which_rows_and_why(api, first):
    rows = list(csv.reader(io.StringIO(rejected(api, first), newline="")))
    assert rows[0] == ["first_name", "last_name", "email", "phone", "import_row", "import_error"]
    assert rows[1] == ["A", "B", "x", "", "3", "Row 3: Invalid email format 'x'"]
    assert [row[4] for row in rows[1:]] == ["3", "4", "6", "7"]


def test_corrected_rows_keep_their_numbers(api, first):
    mended = rejected(api, first).replace(",x,", ",x@example.com,")
    assert api.import_csv("contacts", mended) == {
        "totalRows": 4,
        "imported": 1,
        "skipped": 3,
        "errors": [
            "Row 4: Invalid email format 'y'",
            "Row 6: Required field 'first_name' is empty",
            "Row 7: Invalid email format 'z'",
        ],
    }
    contact = Contact.objects.get(email="x@example.com")
    assert api.look(f"contacts/{contact.pk}/imports")["results"][0]["row"] == 3


def test_related_runs_add_up_over_generations(api, first):
    second = rejected(api, first).replace(",x,", ",x@example.com,")
    api.post_file("contacts", second)
    child = ImportRun.objects.get(parent=first)
    third = rejected(api, child.pk).replace(",y,", ",y@example.com,").replace("\r\n,B", "\r\nA,B")
    api.post_file("contacts", third)
    grandchild = ImportRun.objects.get(parent=child)
    related = {"totalRows": 6, "imported": 2, "repaired": 3, "left": 1}
    for run in (first, child.pk, grandchild.pk):
        assert api.look(f"imports/{run}")["family"] == related
    assert api.look(f"imports/{first}")["children"] == [str(child.pk)]


def test_a_row_imported_twice_counts_once(api, first):
    mended = rejected(api, first).replace(",x,", ",x@example.com,")
    api.import_csv("contacts", mended, "mode=upsert")
    api.import_csv("contacts", mended, "mode=upsert")
    assert api.look(f"imports/{first}")["family"] == {"totalRows": 6, "imported": 2, "repaired": 1, "left": 3}


def related_after(api, first, *undone):
    """Return the counts of the related runs after undoing some of them."""
    for run in undone:
        api.undo(run)
    related = api.look(f"imports/{first}")["family"]
    assert related["totalRows"] == related["imported"] + related["repaired"] + related["left"]
    return related["imported"], related["repaired"], related["left"]


def test_an_undone_correction_counts_as_left_until_the_undo_is_undone(api, first):
    api.import_csv("contacts", rejected(api, first).replace(",x,", ",x@example.com,"))
    child = ImportRun.objects.get(parent=first)
    assert related_after(api, first) == (2, 1, 3)
    assert related_after(api, first, child.pk) == (2, 0, 4)
    assert related_after(api, first, child.children.get().pk) == (2, 1, 3)


def test_the_rows_of_an_undone_first_import_count_as_left(api, first):
    api.import_csv("contacts", rejected(api, first).replace(",x,", ",x@example.com,"))
    assert related_after(api, first, first) == (0, 1, 5)


def test_a_row_that_could_not_be_undone_counts_as_imported(api, first):
    Contact.objects.get(email="a@example.com").save()
    assert related_after(api, first, first) == (1, 0, 5)


def test_the_parent_is_the_import_with_the_same_messages(api, first):
    api.post_file("contacts", HEAD + "A,B,c@example.com,\nA,B,q,\nA,B,r,\n")
    mended = rejected(api, first).replace(",x,", ",x@example.com,")
    api.post_file("contacts", mended)
    assert str(ImportRun.objects.first().parent_id) == first


def test_without_messages_the_numbers_decide(api, first):
    table = list(csv.reader(io.StringIO(rejected(api, first), newline="")))
    bare = "".join(",".join(row[:5]) + "\n" for row in table).replace(",x,", ",x@example.com,")
    api.post_file("contacts", bare)
    assert str(ImportRun.objects.first().parent_id) == first


def test_a_file_of_other_rows_has_no_parent(api, first):
    api.import_csv("contacts", HEAD.strip() + ",import_row\nA,B,new@example.com,,99\n")
    assert ImportRun.objects.first().parent is None


def test_a_row_added_manually_is_numbered_by_its_position(api, first):
    content = HEAD.strip() + ",import_row\nA,B,x@example.com,,3\nA,B,nobody,,\n"
    assert api.errors("contacts", content) == ["Row 3: Invalid email format 'nobody'"]


@pytest.mark.parametrize("number", ["x", "1", "1.0", "0", "-3", "3.5", "3.", "9999999999999"])
def test_an_impossible_row_number_is_an_error(api, number):
    content = HEAD.strip() + f",import_row\nA,B,x@example.com,,{number}\n"
    assert api.errors("contacts", content) == ["Row 2: Invalid number format in 'import_row'"]


def test_the_added_columns_are_known(api, first):
    response = api.post_file("contacts", rejected(api, first))
    assert "X-Import-Ignored-Columns" not in response


def test_an_import_without_rejected_rows_has_no_such_file(api):
    api.import_csv("contacts", HEAD + "A,B,a@example.com,\n")
    assert problem(api.get(f"imports/{ImportRun.objects.get().pk}/rejected")) == (
        404,
        "This import has no rejected rows.",
    )
