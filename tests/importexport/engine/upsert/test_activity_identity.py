"""Which activities are the same: in a plain import, and where rows may change what is stored."""

import csv
import io
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Activity
from crm.models.tenant import create_tenant
from importexport import services
from importexport.models import ImportRun
from tests.support.api import one_row

UPDATE, UPSERT = "mode=update", "mode=upsert"
HEAD = "activity_type,subject,body,completed_at\n"
DONE = "2025-06-15T14:30:00Z"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


def duplicate(row, subject="Hi"):
    return f"Row {row}: Duplicate activity with subject '{subject}'"


def unclear(row, subject="Hi"):
    return f"Row {row}: Activity '{subject}' matches more than one record"


def stored():
    """Return body and completion time of all activities, in their order."""
    found = Activity.objects.order_by("id").values_list("body", "completed_at")
    return [(body, f"{done:%Y-%m-%dT%H:%M:%SZ}" if done else "") for body, done in found]


def calls(*rows):
    """Return a file of calls of one subject, given by body and completion time."""
    return HEAD + "".join(f'call,Hi,"{body}",{done}\n' for body, done in rows)


# --- a plain import -------------------------------------------------------------------------------------------


def test_activities_with_other_bodies_or_completion_times_all_come_in_and_once(api):
    rows = [("One", ""), ("Two", ""), ("", ""), ("One", DONE), ("One", "2025-06-15T14:30:01Z")]
    assert api.import_csv("activities", calls(*rows)) == result(5)
    assert stored() == rows
    assert api.import_csv("activities", calls(*rows)) == result(0, *map(duplicate, range(2, 7)))


def test_the_rows_of_one_file_are_told_apart_by_body_and_completion_time(api):
    rows = [("One", ""), ("Two", ""), ("One", ""), ("One", DONE), ("One", "2025-06-15T16:30:00+02:00")]
    assert api.import_csv("activities", calls(*rows)) == result(3, duplicate(4), duplicate(6))


@pytest.mark.parametrize("body", [" One\r\nTwo\n", "One\rTwo", "'One\nTwo"])
def test_bodies_are_compared_as_they_are_stored(api, body):
    api.import_csv("activities", one_row("activities", body="One\nTwo"))
    is_same = not body.startswith("'")
    assert api.import_csv("activities", one_row("activities", body=body))["skipped"] == is_same


@pytest.mark.parametrize(("body", "is_same"), [("Zo\u0308e", True), ("zöe", False), ("Zöe ", True), ("Zöe  B", False)])
def test_bodies_differ_by_case_and_by_white_space_within(api, body, is_same):
    api.import_csv("activities", one_row("activities", body="Zöe"))
    assert api.import_csv("activities", one_row("activities", body=body))["skipped"] == is_same


def test_long_bodies_that_differ_at_their_end_are_two(api):
    long = "x" * 9_999
    assert api.import_csv("activities", calls((f"{long}1", ""), (f"{long}2", ""), (f"{long}1", ""))) == result(
        2, duplicate(4)
    )


def test_duplicates_by_body_are_found_across_batches(api):
    rows = [(f"note {number % 3000}", "") for number in range(6000)]
    assert api.import_csv("activities", calls(*rows)) == result(3000, *map(duplicate, range(3002, 6002)))


# --- rows that may change what is stored ----------------------------------------------------------------------


def test_an_update_changes_a_body_and_completes_a_task(api):
    api.import_csv("activities", "activity_type,subject,body,status\ntask,Hi,One,\n")
    assert api.import_csv("activities", f"activity_type,subject,body,completed_at\ntask,hi,Two,{DONE}\n", UPDATE) == (
        result(1)
    )
    assert stored() == [("Two", DONE)]


def test_a_row_says_of_an_activity_only_what_it_gives(api):
    api.import_csv("activities", calls(("One", "")))
    assert api.import_csv("activities", f"activity_type,subject,completed_at\ncall,Hi,{DONE}\n", UPSERT) == result(1)
    assert api.import_csv("activities", calls(("", "")), UPSERT) == result(1)
    assert stored() == [("One", DONE)]


def test_a_body_is_cleared(api):
    api.import_csv("activities", calls(("One", DONE)))
    assert api.import_csv("activities", calls(("", "")), f"{UPDATE}&blank=clear") == result(1)
    assert stored() == [("", "")]


@pytest.mark.parametrize("mode", [UPDATE, UPSERT])
def test_of_several_activities_a_row_is_the_one_with_its_body_and_completion_time(api, mode):
    rows = [("One", ""), ("Two", ""), ("One", DONE), ("", "")]
    api.import_csv("activities", calls(*rows))
    head, *lines = calls(*rows).splitlines()
    content = "\n".join([f"{head},priority", *(f"{line},high" for line in lines)])
    assert api.import_csv("activities", content, mode) == result(4)
    assert stored() == rows
    assert set(Activity.objects.values_list("priority", flat=True)) == {"high"}


@pytest.mark.parametrize("mode", [UPDATE, UPSERT])
@pytest.mark.parametrize(
    "row",
    [
        "body,completed_at\ncall,Hi,Three,",
        "body\ncall,Hi,One",
        f"completed_at\ncall,Hi,{DONE}",
        "priority\ncall,Hi,low",
    ],
)
def test_a_row_that_may_be_either_of_two_is_an_error(api, mode, row):
    rows = [("One", ""), ("One", DONE), ("Two", DONE)]
    api.import_csv("activities", calls(*rows))
    assert api.import_csv("activities", f"activity_type,subject,{row}\n", mode) == result(0, unclear(2))
    assert stored() == rows


@pytest.mark.parametrize("order", list(itertools.permutations(["One", "Two", "Three"])))
def test_an_upsert_adds_notes_to_those_that_are_there_already(api, order):
    api.import_csv("activities", calls(("One", ""), ("Two", "")))
    assert api.import_csv("activities", calls(*((body, "") for body in order)), UPSERT) == result(3)
    assert stored() == [("One", ""), ("Two", ""), ("Three", "")]


@pytest.mark.parametrize("order", list(itertools.permutations(["One", "Two"])))
def test_an_upsert_adds_a_note_to_the_only_one(api, order):
    api.import_csv("activities", calls(("One", "")))
    assert api.import_csv("activities", calls(*((body, "") for body in order)), UPSERT) == result(2)
    assert stored() == [("One", ""), ("Two", "")]


def test_an_update_has_no_note_to_add(api):
    api.import_csv("activities", calls(("One", "")))
    assert api.import_csv("activities", calls(("One", ""), ("Two", "")), UPDATE) == result(1, duplicate(3))
    assert stored() == [("One", "")]


def test_two_rows_that_would_change_one_activity_are_an_error(api):
    api.import_csv("activities", calls(("One", "")))
    assert api.import_csv("activities", calls(("Two", ""), ("Three", "")), UPSERT) == result(1, duplicate(3))
    assert stored() == [("Two", "")]


@pytest.mark.parametrize("between", [0, 4500])
def test_new_notes_of_one_subject_come_in_by_an_upsert_wherever_they_stand(api, between):
    filler = "".join(f"call,x{number},,\n" for number in range(between))
    content = calls(("One", "")) + filler + "call,hi,Two,\ncall,Hi,,\ncall,Hi,One,\n"
    assert api.import_csv("activities", content, UPSERT) == result(between + 3, duplicate(between + 5))
    assert Activity.objects.filter(subject_key="hi").count() == 3
    assert api.import_csv("activities", content, UPSERT) == result(between + 3, duplicate(between + 5))
    assert ImportRun.objects.latest("created_at").counts["unchanged"] == between + 3


def test_a_thousand_notes_of_one_subject_are_matched_each(api):
    rows = [(f"note {number}", DONE if number % 2 else "") for number in range(6000)]
    assert api.import_csv("activities", calls(*rows), UPSERT) == result(6000)
    assert api.import_csv("activities", calls(*reversed(rows)), UPSERT) == result(6000)
    assert ImportRun.objects.latest("created_at").counts["unchanged"] == 6000


# --- any activities -------------------------------------------------------------------------------------------

SLUGS = itertools.count()
TEXTS = st.text("ab ßß'=\n\t", max_size=4)


def imported(tenant, content, **options):
    run = ImportRun(tenant=tenant, entity="activities", channel="shell", options=options)
    return services.import_file(run, io.BytesIO(content))


def exported(tenant):
    return b"".join(services.export_file("activities", tenant=tenant))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["call", "note"]), st.sampled_from(["Hi", "hi ", "Ho"]), TEXTS,
            st.sampled_from(["", DONE, "2025-06-15"]), st.sampled_from(["", DONE]), st.sampled_from(["", "2025-06-15"]),
        ),
        min_size=1,
        max_size=8,
    )
)  # fmt: skip
def test_activities_make_the_round_trip_and_come_back_as_themselves(db, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["activity_type", "subject", "body", "scheduled_at", "completed_at", "due_date"])
    writer.writerows(rows)
    content = text.getvalue().encode()
    first, second, third = (create_tenant(slug=f"i{next(SLUGS)}", name="T") for _ in range(3))
    report = imported(first, content)
    original = exported(first)
    assert list(imported(second, original).messages) == []
    assert exported(second) == original
    # Again, by either mode: nothing is new.
    assert imported(second, original).created == 0
    assert list(imported(second, original, mode="upsert", match_on="subject").messages) == []
    assert exported(second) == original
    # An upsert of rows that are all new stores what a plain import does.
    assert list(imported(third, content, mode="upsert", match_on="subject").messages) == list(report.messages)
    assert exported(third) == original
