"""The commands for plans, options and row logs."""

import json
import os
import subprocess

import pytest

HEAD = "first_name,last_name,email,phone\n"


@pytest.fixture
def shell(installation, tmp_path):
    assert installation.manage("create_tenant", "acme", "--name", "Acme").returncode == 0

    def run(*args, status=0):
        done = installation.manage(*args, "--tenant", "acme")
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def write(content, name="contacts.csv"):
        path = tmp_path / name
        path.write_text(content)
        return str(path)

    run.write = write
    run.folder = tmp_path
    return run


def test_a_plan_is_created_shown_and_applied(shell):
    shell("import", "contacts", shell.write(HEAD + "Ada,L,ada@example.com,1\n"))
    mended = shell.write(HEAD + "Ada,L,ada@example.com,2\nA,B,new@example.com,\nA,B,x,\n")
    plan = shell("import", "contacts", mended, "--mode", "upsert", "--plan").strip()
    shown = json.loads(shell("imports", "show", plan))
    assert (shown["status"], shown["created"], shown["updated"], shown["skipped"]) == ("planned", 1, 1, 1)
    rows = shell("imports", "rows", plan, "--action", "update").splitlines()
    assert rows[1].startswith("2,update,contacts,")
    assert rows[1].endswith(",phone,1,2,")
    assert shell("imports", "apply", plan) == "3 rows: 2 imported, 1 skipped.\n"
    assert shell("imports", "apply", plan, status=2) == (
        "This has been imported already; a plan is applied only once.\n"
    )
    assert "ada@example.com,2," in shell("export", "contacts")
    listed = shell("imports", "list").splitlines()
    assert [line.split()[3] for line in listed] == ["done", "done"]


def test_corrected_rows_are_imported_with_their_numbers(shell):
    shell("import", "contacts", shell.write(HEAD + "A,B,x,\nA,B,a@example.com,\nA,B,y,\n"))
    first = shell("imports", "list").split()[0]
    rejected = shell.folder / "rejected.csv"
    shell("imports", "rejected", first, "--output", str(rejected))
    text = rejected.read_text()
    assert text.splitlines()[0] == "first_name,last_name,email,phone,import_row,import_error"
    rejected.write_text(text.replace(",x,", ",x@example.com,"))
    assert shell("import", "contacts", str(rejected)) == (
        "Row 4: Invalid email format 'y'\n2 rows: 1 imported, 1 skipped.\n"
    )
    related = json.loads(shell("imports", "show", first))["family"]
    assert related == {"totalRows": 3, "imported": 1, "repaired": 1, "left": 1}


def test_an_import_is_undone_after_showing_the_plan(shell):
    path = shell.write(HEAD + "A,B,a@example.com,\nA,B,b@example.com,\n")
    assert shell("import", "contacts", path) == "2 rows: 2 imported, 0 skipped.\n"
    first = shell("imports", "list").split()[0]
    undo = shell("imports", "undo", first).strip()
    assert [line.split(",")[:2] for line in shell("imports", "rows", undo).splitlines()[1:]] == [
        ["2", "delete"],
        ["3", "delete"],
    ]
    assert shell("imports", "apply", undo) == "2 changes: 2 undone, 0 conflicts.\n"
    assert len(shell("export", "contacts").splitlines()) == 1
    assert shell("imports", "apply", undo, status=2) == "This has been undone already; a plan is applied only once.\n"
    assert shell("imports", "rejected", undo, status=2) == (
        "This import has no rejected rows, or they have been purged.\n"
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mode", "merge"], "Unknown mode 'merge'. Expected one of: create, update, upsert.\n"),
        (["--blank", "clear"], "'blank' means nothing with mode 'create'.\n"),
        (["--plan", "--strict"], "--plan stores no rows: it takes neither --rejected nor --strict.\n"),
    ],
)
def test_an_invalid_option_is_an_error(shell, args, message):
    assert shell("import", "contacts", shell.write(HEAD), *args, status=2) == message


def test_a_dry_run_stores_nothing(shell):
    path = shell.write(HEAD + "A,B,a@example.com,\n")
    assert shell("import", "contacts", path, "--dry-run") == "1 row: 1 imported, 0 skipped.\n"
    assert shell("import", "contacts", path) == "1 row: 1 imported, 0 skipped.\n"


def test_an_unknown_import_is_an_error(shell):
    assert shell("imports", "show", "nonsense", status=2) == "Import 'nonsense' not found.\n"


def test_a_reader_that_stops_early_ends_only_the_list(shell, installation):
    shell("import", "contacts", shell.write(HEAD + "A,B,a@example.com,\n"))
    reader, writer = os.pipe()
    os.close(reader)
    listing = ("imports", "list", "--tenant", "acme")
    done = installation.manage(*listing, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_marker_clears_only_where_it_is_named(shell):
    shell("import", "contacts", shell.write(HEAD + "Ada,L,ada@example.com,1\n"))
    file = shell.write(HEAD + "Ada,L,ada@example.com,[clear]\n")
    shell("import", "contacts", file, "--mode", "update", "--clear-marker", "[clear]")
    assert shell("export", "contacts").splitlines()[1].startswith("Ada,L,ada@example.com,,")
    assert shell("import", "contacts", file, "--clear-marker", "[clear]", status=2) == (
        "'clear_marker' means nothing with mode 'create'.\n"
    )
    assert shell("import", "contacts", file, "--mode", "update", "--clear-marker", "#N/A", status=2) == (
        "'clear_marker' cannot be '#N/A': rows with a spreadsheet error value are always rejected.\n"
    )


def test_an_import_says_which_columns_may_be_meant(installation, shell):
    file = shell.write("first_name,last_name,email,Cell,Shoe size\nA,B,x,1,2\n")
    said = "Ignored columns: Cell (1 filled cell; did you mean mobile?), Shoe size (1 filled cell)"
    assert said in shell("import", "contacts", file).splitlines()
    done = installation.manage("import", "contacts", file, "--json", "--tenant", "acme")
    assert json.loads(done.stdout)["skipped"] == 1
    assert done.stderr.splitlines() == [said]
    wrong = shell.write("first_name,Surname,email\nA,B,a@example.com\n")
    assert "'Surname' may be meant for 'last_name'." in shell("import", "contacts", wrong, status=2)


def test_a_plan_says_what_may_be_meant_beside_its_id(installation, shell):
    shell("import", "companies", shell.write("name\nAcme\n"))
    file = shell.write("first_name,last_name,email,company_name,Cell\nA,B,a@example.com,Acmee,1\n")
    done = installation.manage("import", "contacts", file, "--missing", "create", "--plan", "--tenant", "acme")
    assert done.stderr.splitlines() == [
        "Ignored columns: Cell (1 filled cell; did you mean mobile?)",
        "Row 2: Company 'Acmee' is new (did you mean 'Acme'?)",
    ]
    shown = json.loads(shell("imports", "show", done.stdout.strip()))
    assert shown["columnHints"] == {"Cell": "mobile"}
    assert "Company 'Acmee' is new (did you mean 'Acme'?)" in shell("imports", "rows", done.stdout.strip())
