"""Members and values that were called otherwise at first: programs that know those find them still."""

CSV = "first_name,last_name,email\nAda,Lovelace,ada@x.example\n"


def test_a_run_has_its_first_names_beside_the_new_ones(api):
    run = api.look(f"imports/{api.plan('contacts', CSV)['id']}")
    assert (run["channel"], run["door"]) == ("api", "api")
    assert run["family"] == run["relatedRuns"] == {"totalRows": 1, "imported": 1, "repaired": 0, "left": 0}
    assert run["error"] is run["fault"] is None


def test_a_file_that_failed_was_once_called_refused(api):
    api.post_file("contacts", "x,y\n1,2\n")
    for status in ("failed", "refused"):
        (run,) = api.look(f"imports?status={status}")["results"]
        assert run["status"] == "failed"
        assert run["error"] == run["fault"] != ""
