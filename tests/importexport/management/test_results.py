"""Warnings and ignored columns in a shell."""

import json

import pytest

HEAD = "first_name,last_name,email,phone"
DOUBTFUL = (
    f"{HEAD},Fax,Old,\n"
    "JÃ¼rgen,Klopp,jk@example.com,4.4E+11,1,,\n"
    "JÃ¼rgen,Klinsmann,jurgen@example.com,4.5E+11,,,x\n"
    "A,B,x,,3,,\n"
)
GARBLED = (
    "'JÃ¼rgen' in 'first_name' looks garbled and was probably 'Jürgen': the file was saved with the wrong encoding"
)
PHONE = "'4.4E+11' in 'phone' was shortened by a spreadsheet: its last digits are probably lost"
BESIDES = [
    f"Warning: {GARBLED} (2 rows)",
    f"Warning: {PHONE} (and 1 more of this kind in 'phone')",
    "Ignored columns: Fax (2 filled cells), Old (empty), without a header (1 filled cell)",
]
COUNTS = "3 rows: 2 imported, 1 skipped, 6 warnings."


@pytest.fixture
def shell(installation, tmp_path):
    assert installation.manage("create_tenant", "acme", "--name", "Acme").returncode == 0
    path = tmp_path / "contacts.csv"

    def run(*args, content=""):
        if content:
            path.write_text(content, encoding="utf-8")
            args = (*args, "import", "contacts", str(path))
        done = installation.manage(*sorted(args, key=lambda arg: arg.startswith("--")), "--tenant", "acme")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done

    return run


def test_an_import_tells_them_before_its_counts(shell):
    done = shell(content=DOUBTFUL)
    assert done.stdout.splitlines() == ["Row 4: Invalid email format 'x'", *BESIDES, COUNTS]
    assert done.stderr == ""


def test_json_stays_the_result_of_the_api_and_they_go_to_stderr(shell):
    done = shell("--json", "--dry-run", content=DOUBTFUL)
    assert set(json.loads(done.stdout)) == {"totalRows", "imported", "skipped", "errors"}
    assert done.stderr.splitlines() == BESIDES


def test_a_plan_tells_them_on_stderr_and_again_when_it_is_applied(shell):
    done = shell("--plan", content=DOUBTFUL)
    assert done.stderr.splitlines() == BESIDES
    plan = done.stdout.strip()
    assert json.loads(shell("imports", "show", plan).stdout)["ignoredCells"] == {"Fax": 2, "Old": 0, "": 1}
    assert shell("imports", "apply", plan).stdout.splitlines() == [*BESIDES, COUNTS]
    assert "3 rows: 2 imported, 1 skipped, 6 warnings" in shell("imports", "list").stdout


def test_a_file_without_any_is_told_as_ever(shell):
    done = shell(content=f"{HEAD}\nA,B,a@example.com,1\n")
    assert (done.stdout, done.stderr) == ("1 row: 1 imported, 0 skipped.\n", "")


def test_one_warning_is_one(shell):
    done = shell(content=f"{HEAD}\nA,B,a@gmial.com,1\n")
    assert done.stdout.splitlines() == [
        "Warning: 'gmial.com' in 'email' looks like a typing error: did you mean 'gmail.com'?",
        "1 row: 1 imported, 0 skipped, 1 warning.",
    ]


def test_of_thousands_of_ignored_columns_the_first_are_named_and_the_others_counted(shell):
    names = [f"{n} {'x' * 400}" for n in range(1000)]
    done = shell(content=f"{HEAD},{','.join(names)}\nA,B,a@example.com\n")
    line = next(line for line in done.stdout.splitlines() if line.startswith("Ignored columns: "))
    assert line.endswith(f"{names[246]} (empty), 753 more")
