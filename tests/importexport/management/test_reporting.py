"""Reports of stored imports that cannot be written: exit status 3, and the way to the stored run."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import ended, read_line

#: Enough messages for more than a pipe holds.
SOME = 5_000
UNREPORTED = (
    r"The rows are stored, but the report could not be written: {why}\."
    r" See it with: manage\.py imports show ([0-9a-f-]{{36}}) --tenant {slug}\n"
)


def lost(shell, process, why):
    """Return the run's id, which a command with status 3 names in one line on stderr."""
    status, _, said = ended(process)
    assert status == 3
    line = re.fullmatch(UNREPORTED.format(why=why, slug=shell.slug), said.decode())
    assert line, said
    return line[1]


@pytest.mark.parametrize("options", [[], ["--strict"], ["--json"]])
def test_a_reader_of_the_report_that_stops_early_is_status_3(shell, options):
    path = shell.write("name\n" + "Acme\n" * SOME)
    process = shell.start(
        *shell.command("import", "companies", path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.read(10)
    process.stdout.close()
    process.stdout = None
    run = lost(shell, process, "Broken pipe")
    assert shell.my_names() == ["Acme"]
    assert '"status": "done"' in shell.manage("imports", "show", run, "--tenant", shell.slug).stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_under_the_report_is_status_3(shell, options):
    path = shell.write("name\nAcme\n")
    with Path("/dev/full").open("wb") as full:
        process = shell.start(
            *shell.command("import", "companies", path, *options), stdout=full, stderr=subprocess.PIPE
        )
        lost(shell, process, "No space left on device")
    assert shell.my_names() == ["Acme"]


def test_a_folder_that_disappears_under_the_rejected_rows_is_status_3(shell):
    folder = shell.folder / "folder"
    folder.mkdir()
    process = shell.start(
        *shell.command("import", "companies", "-", "--rejected", str(folder / "rejected.csv")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(b"name,city\n" + b"".join(b"Company %d,\n" % number for number in range(40_000)))
    process.stdin.flush()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    lost(shell, process, "No such file or directory")
    assert len(shell.my_names()) == 40_000


def test_a_dry_run_stored_nothing_so_a_reader_may_stop_early(shell):
    path = shell.write("name\n" + "Acme\n" * SOME)
    process = shell.start(
        *shell.command("import", "companies", path, "--dry-run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    read_line(process.stdout)
    process.stdout.close()
    process.stdout = None
    assert ended(process) == (0, None, b"")


def test_plans_and_undos_whose_report_is_lost_are_status_3(shell):
    path = shell.write("name\nAcme\n", "planned.csv")
    assert shell.import_csv("name\nGlobex\n").returncode == 0
    listed = shell.manage("imports", "list", "--tenant", shell.slug).stdout
    said = []
    for command in (
        shell.command("import", "companies", path, "--plan"),
        ["imports", "undo", listed.split()[0], "--tenant", shell.slug, "--json"],
    ):
        with Path("/dev/full").open("wb") as full:
            status, _, line = ended(shell.start(*command, stdout=full, stderr=subprocess.PIPE))
        assert status == 3
        said.append(line.decode())
    assert all(line.startswith("The plan is stored, but the report could not be written: ") for line in said), said
    plans = [re.search("show ([0-9a-f-]{36})", line)[1] for line in said]
    said = []
    for plan in plans:
        with Path("/dev/full").open("wb") as full:
            command = ["imports", "apply", plan, "--tenant", shell.slug]
            status, _, line = ended(shell.start(*command, stdout=full, stderr=subprocess.PIPE))
        assert status == 3
        said.append(line.decode().partition(",")[0])
    assert said == ["The rows are stored", "The import is undone"]
    assert shell.my_names() == ["Acme"]


def test_ctrl_c_after_an_import_does_not_say_that_nothing_was_stored(shell):
    process = shell.start(
        *shell.command("import", "companies", shell.write("name\n" + "Acme\n" * SOME)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # The messages exceed the size of a pipe, so the command waits for a reader.
    read_line(process.stdout)
    process.send_signal(signal.SIGINT)
    status, _, complaint = ended(process)
    assert status == 130
    assert complaint.startswith(b"Interrupted; the import had been stored. See it with: manage.py imports show ")
    assert shell.my_names() == ["Acme"]
