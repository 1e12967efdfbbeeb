"""Members and values under their former names, for programs that still use them."""

import pytest

CSV = "first_name,last_name,email\nAda,Lovelace,ada@x.example\n"


@pytest.mark.django_db(transaction=True)
def test_a_run_has_the_former_names_in_addition_to_the_new_ones(api):
    run = api.look(f"imports/{api.plan('contacts', CSV)['id']}")
    assert (run["channel"], run["door"]) == ("api", "api")
    assert run["family"] == run["relatedRuns"] == {"totalRows": 1, "imported": 1, "repaired": 0, "left": 0}
    assert run["error"] is run["fault"] is None


def test_failed_files_can_be_listed_by_their_former_status(api):
    api.post_file("contacts", "x,y\n1,2\n")
    for status in ("failed", "refused"):
        (run,) = api.look(f"imports?status={status}")["results"]
        assert run["status"] == "failed"
        assert run["error"] == run["fault"] != ""
