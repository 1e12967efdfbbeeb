"""Importing several files with one command: a run each, whatever becomes of the others."""

import json
import re
import signal
import subprocess

import pytest

from tests.support.waiting import Background, ended


@pytest.fixture
def files(shell):
    """Paths of a good file, one that fails as a whole, and one with a rejected row."""
    return [
        shell.write("name\nAcme\n", "a.csv"),
        shell.write("", "b.csv"),
        shell.write("name\nGlobex\nACME\n", "c.csv"),
    ]


def test_each_file_is_imported_in_the_order_given_and_the_worst_status_returned(shell, files):
    a, b, c = files
    done = shell.manage("import", "companies", a, b, c, "--tenant", shell.slug, "--strict")
    assert (done.returncode, done.stderr) == (2, f"{b}: The file is empty.\n")
    assert done.stdout.splitlines() == [
        "a.csv:",
        "1 row: 1 imported, 0 skipped.",
        "c.csv:",
        "Row 3: Duplicate company with name 'ACME'",
        "2 rows: 1 imported, 1 skipped.",
    ]
    assert shell.my_names() == ["Acme", "Globex"]


def test_rejected_rows_in_one_of_them_are_status_1_under_strict(shell, files):
    a, _, c = files
    done = shell.manage("import", "companies", c, a, "--tenant", shell.slug, "--strict")
    assert (done.returncode, done.stderr) == (1, "")


def test_a_missing_file_is_named_once(shell, files):
    missing = shell.folder / "missing.csv"
    done = shell.manage("import", "companies", missing, files[0], "--tenant", shell.slug)
    assert (done.returncode, done.stderr) == (2, f"{missing}: No such file or directory.\n")
    assert shell.my_names() == ["Acme"]


def test_their_json_is_an_array_with_the_names(shell, files):
    done = shell.manage("import", "companies", *files, "--tenant", shell.slug, "--json")
    assert json.loads(done.stdout) == [
        {"fileName": "a.csv", "totalRows": 1, "imported": 1, "skipped": 0, "errors": []},
        {"fileName": "b.csv", "error": "The file is empty."},
        {
            "fileName": "c.csv",
            "totalRows": 2,
            "imported": 1,
            "skipped": 1,
            "errors": ["Row 3: Duplicate company with name 'ACME'"],
        },
    ]
    reverse = shell.manage("import", "companies", *files[1::-1], "--tenant", shell.slug, "--json", "--dry-run")
    assert [found["fileName"] for found in json.loads(reverse.stdout)] == ["b.csv", "a.csv"]


def test_their_plans_are_listed_with_the_names(shell, files):
    a, _, c = files
    done = shell.manage("import", "companies", a, c, "--tenant", shell.slug, "--plan")
    assert re.fullmatch(r"[0-9a-f-]{36}  a\.csv\n[0-9a-f-]{36}  c\.csv\n", done.stdout)
    plans = json.loads(shell.manage("import", "companies", a, c, "--tenant", shell.slug, "--plan", "--json").stdout)
    assert [(plan["fileName"], plan["status"]) for plan in plans] == [("a.csv", "planned"), ("c.csv", "planned")]
    assert shell.my_names() == []


def test_stdin_can_be_one_of_them_but_only_once(shell, files):
    command = ["import", "companies", str(files[0]), "-", "--tenant", shell.slug]
    done = shell.manage(*command, input="name\nInitech\n")
    assert done.stdout.splitlines()[::2] == ["a.csv:", "stdin:"]
    assert shell.my_names() == ["Acme", "Initech"]
    assert shell.refuses(*command[:2], "-", *command[2:]) == "- stands for standard input, and can be given only once."


def test_rejected_rows_go_into_a_file_of_one_import_only(shell, files):
    line = shell.refuses("import", "companies", *files, "--tenant", shell.slug, "--rejected", "r.csv")
    assert line.startswith("--rejected takes the rows of a single file. ")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_each_report_that_is_lost_is_told(shell, files, options):
    a, b, c = files
    command = ["import", "companies", *map(str, files), "--tenant", shell.slug, *options]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        status, _, said = ended(shell.start(*command, stdout=full, stderr=subprocess.PIPE))
    lost = "The rows are stored, but the report could not be written: No space left on device. See it with: manage"
    lines = said.decode().splitlines()
    assert [line.partition(".py")[0] for line in lines if " is empty" not in line] == [f"{a}: {lost}", f"{c}: {lost}"]
    assert (status, f"{b}: The file is empty." in lines) == (2, True)
    assert shell.my_names() == ["Acme", "Globex"]
    status, _, _ = ended(shell.start(*command[:2], str(a), str(c), *command[5:], stdout=subprocess.DEVNULL))
    assert status == 0


def test_ctrl_c_tells_which_files_have_not_been_begun(shell, files):
    a, _, c = files
    process = shell.start(
        *["import", "companies", str(a), "-", str(c), "--tenant", shell.slug],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    rows = b"".join(b"Company %d\n" % number for number in range(12_000))
    Background(process.stdin.write, b"name\n" + rows).outcome()
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    stdin, process.stdin = process.stdin, None
    assert ended(process)[::2] == (130, f"-: Interrupted; nothing was stored. Not begun: {c}.\n".encode())
    stdin.close()
    assert shell.my_names() == ["Acme"]
