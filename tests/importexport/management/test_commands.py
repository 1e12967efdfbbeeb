"""The commands import, export and template."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from importexport.resources import RESOURCES
from tests.support.api import zipped
from tests.support.installation import ROOT, Installation
from tests.support.shell import Shell
from tests.support.waiting import Background, ended, read_line

#: Enough for several batches, and for much more than a pipe holds.
MANY = 12_000
#: Enough messages, or records, for more than a pipe holds.
SOME = 5_000


def rows_of(path, delimiter=","):
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter=delimiter))


# --- import ----------------------------------------------------------------------------------------------------


def test_import_prints_messages_and_counts(shell):
    done = shell.import_csv("name,employee_count,Shoe size\nAcme,5,44\nAcme,6,\nGlobex,few,\n")
    assert done.stdout.splitlines() == [
        "Row 3: Duplicate company with name 'Acme'",
        "Row 4: Invalid number format in 'employee_count'",
        "Ignored columns: Shoe size (1 filled cell)",
        "3 rows: 1 imported, 2 skipped, 1 warning.",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert shell.my_names() == ["Acme"]


def test_a_message_is_one_line_even_if_the_value_has_several(shell):
    done = shell.import_csv('name,city\n"Ac\nme",\n"Ac\nme",\n')
    assert done.stdout.splitlines() == [
        "Row 3: Duplicate company with name 'Ac me'",
        "2 rows: 1 imported, 1 skipped.",
    ]


def test_json_is_the_result_of_the_api(shell):
    done = shell.import_csv("name,city\nZürich,\nZürich,\n", "--json")
    assert json.loads(done.stdout) == {
        "totalRows": 2,
        "imported": 1,
        "skipped": 1,
        "errors": ["Row 3: Duplicate company with name 'Zürich'"],
    }
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dash_reads_stdin(shell):
    done = shell.manage(*shell.command("import", "companies", "-"), input="name\nAcme\n")
    assert (done.returncode, done.stdout) == (0, "1 row: 1 imported, 0 skipped.\n")
    assert shell.my_names() == ["Acme"]


def test_strict_is_status_1_when_rows_were_rejected_and_the_others_are_stored(shell):
    done = shell.import_csv("name\nAcme\nACME\n", "--strict")
    assert (done.returncode, done.stderr) == (1, "")
    assert shell.my_names() == ["Acme"]


def test_strict_is_status_0_when_none_was_rejected(shell):
    assert shell.import_csv("name\nAcme\n", "--strict").returncode == 0


def test_there_is_no_10_mb_limit(shell):
    cells = "x" * 10_000
    rows = "".join(f"Company {number},{cells}\n" for number in range(1100))
    assert len(rows) > 10 * 1024 * 1024
    done = shell.import_csv(f"name,notes\n{rows}", "--json")
    assert json.loads(done.stdout)["imported"] == 1100


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "The file is empty."),
        (b'name\nAcme\n"Globex\n', "Broken quoting in row 3: a quoted cell never ends"),
        (zipped("name\nAcme\n"), "The file is a ZIP archive, not CSV."),
    ],
    ids=["empty", "quoting", "zip"],
)
def test_a_failed_file_is_one_line(shell, content, line):
    assert shell.refuses(*shell.command("import", "companies", shell.write(content))).startswith(line)


def test_a_file_that_cannot_be_opened_or_read_is_one_line(shell):
    refuses = lambda name: shell.refuses(*shell.command("import", "companies", name))  # noqa: E731
    missing = shell.folder / "missing.csv"
    assert refuses(missing) == f"{missing}: No such file or directory."
    assert refuses(shell.folder) == f"{shell.folder}: Is a directory."
    assert refuses("/proc/self/mem") == "/proc/self/mem: Input/output error."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_one_line(shell):
    path = shell.write("name\nAcme\n")
    path.chmod(0)
    assert shell.refuses(*shell.command("import", "companies", path)) == f"{path}: Permission denied."


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("import people FILE --tenant SLUG", "argument entity: invalid choice: 'people'"),
        ("import companies FILE --tenant nobody", "Tenant 'nobody' not found."),
        ("import companies FILE", "the following arguments are required: --tenant"),
        ("import companies FILE --tenant SLUG --colour", "unrecognized arguments: --colour"),
    ],
)
def test_wrong_arguments_are_one_line(shell, arguments, line):
    known = {"FILE": str(shell.write("name\nAcme\n")), "SLUG": shell.slug}
    assert shell.refuses(*(known.get(word, word) for word in arguments.split())).startswith(line)


def test_an_argument_that_is_not_utf8_is_one_line(shell):
    slug = os.fsdecode(b"\xff")
    path = shell.write("name\nAcme\n")
    assert shell.refuses("import", "companies", path, "--tenant", slug) == "An argument is not valid UTF-8."


@pytest.mark.parametrize(
    ("redirection", "line"), [("<&-", "Standard input is closed."), (">&-", "Standard output is closed.")]
)
def test_a_closed_stream_is_one_line(shell, redirection, line):
    command = [sys.executable, "manage.py", *shell.command("import", "companies", "-")]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *command], cwd=ROOT, env=shell.installation.env, input="name\nAcme\n",
        capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")
    assert shell.my_names() == []


def test_messages_can_be_printed_without_unicode(shell):
    ascii_only = Shell(
        Installation(shell.installation.database_url, shell.installation.env | {"PYTHONIOENCODING": "ascii"}),
        shell.slug,
        shell.folder,
    )
    done = ascii_only.import_csv("name\n東京\n東京\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "Row 3: Duplicate company with name '\\u6771\\u4eac'"
    assert shell.my_names() == ["東京"]


# --- the rejected rows -----------------------------------------------------------------------------------------


def test_rejected_rows_are_unchanged_and_have_an_error(shell):
    rejected = shell.folder / "rejected.csv"
    content = 'City;Shoe size;NAME;employee_count\n" Berlin ";44;\'=A;few\n;;Acme;5\n"a;b";"4""5";acme;\n'
    done = shell.import_csv(content, "--rejected", rejected)
    assert done.returncode == 0
    assert rejected.read_bytes().decode() == (
        "City;Shoe size;NAME;employee_count;import_error\r\n"
        " Berlin ;44;'=A;few;Row 2: Invalid number format in 'employee_count'\r\n"
        '"a;b";"4""5";acme;;Row 4: Duplicate company with name \'acme\'\r\n'
    )


def test_corrected_rows_can_be_imported_directly(shell):
    rejected = shell.folder / "rejected.csv"
    shell.import_csv("name\temployee_count\nAcme\t5\nGlobex\tfew\n", "--rejected", rejected)
    rejected.write_bytes(rejected.read_bytes().replace(b"few", b"7"))
    again = shell.folder / "again.csv"
    done = shell.manage(*shell.command("import", "companies", rejected, "--rejected", again))
    assert done.stdout == "1 row: 1 imported, 0 skipped.\n"
    assert shell.my_names() == ["Acme", "Globex"]
    assert rows_of(again, "\t") == [["name", "employee_count", "import_error"]]


def test_rejected_rows_with_too_many_or_too_few_cells(shell):
    rejected = shell.folder / "rejected.csv"
    shell.import_csv("name,city,employee_count\nAcme,a,1,surplus\n,Berlin\nGlobex\n", "--rejected", rejected)
    assert rows_of(rejected) == [
        ["name", "city", "employee_count", "import_error"],
        ["Acme", "a", "1", "Row 2: Expected 3 columns, found 4", "surplus"],
        ["", "Berlin", "", "Row 3: Required field 'name' is empty"],
    ]


def test_rows_rejected_again_produce_the_same_file(shell):
    rejected, again = shell.folder / "rejected.csv", shell.folder / "again.csv"
    shell.import_csv('name,employee_count\nAcme,few\nGlobex,5,"sur\nplus"\n', "--rejected", rejected)
    done = shell.manage(*shell.command("import", "companies", rejected, "--rejected", again))
    assert done.stdout.splitlines()[-1] == "2 rows: 0 imported, 2 skipped."
    assert again.read_bytes() == rejected.read_bytes().replace(b"columns, found 3", b"columns, found 4").replace(
        b"Expected 2", b"Expected 3"
    ).replace(b"Row 4", b"Row 3")


def test_rejected_rows_never_overwrite_the_source(shell):
    source = shell.write("name\n\nAcme,1\n")
    link = shell.folder / "link.csv"
    link.hardlink_to(source)
    line = shell.refuses(*shell.command("import", "companies", source, "--rejected", link))
    assert line == "The rejected rows cannot go into the file that is imported."
    assert source.read_text() == "name\n\nAcme,1\n"


def test_rejected_rows_need_a_folder_and_a_file(shell):
    source, missing = shell.write("name\nAcme\n"), shell.folder / "missing" / "rejected.csv"
    refuses = lambda path: shell.refuses(*shell.command("import", "companies", source, "--rejected", path))  # noqa: E731
    assert refuses(missing) == f"{missing}: No such file or directory."
    assert refuses(shell.folder) == f"{shell.folder}: Is a directory."


def test_a_failed_file_keeps_the_previous_rejected_rows(shell):
    rejected = shell.write("of last time", "rejected.csv")
    shell.refuses(*shell.command("import", "companies", shell.write('name\nAcme\n"'), "--rejected", rejected))
    assert rejected.read_text() == "of last time"
    assert sorted(path.name for path in shell.folder.iterdir()) == ["file.csv", "rejected.csv"]


def test_rejected_rows_are_written_to_a_device_or_link_without_replacing_it(shell):
    target, link, pipe = shell.folder / "target.csv", shell.folder / "link.csv", shell.folder / "pipe"
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for rejected in (link, pipe):
        assert shell.import_csv("name,city\n,Berlin\n", "--rejected", rejected).returncode == 0
    expected = b"name,city,import_error\r\n,Berlin,Row 2: Required field 'name' is empty\r\n"
    assert (link.is_symlink(), target.read_bytes()) == (True, expected)
    assert (pipe.is_fifo(), os.read(reader, 1000)) == (True, expected)
    os.close(reader)


def test_nothing_is_stored_if_there_is_no_space_for_rejected_rows(shell):
    source = shell.write("name,city\nAcme,\n,Berlin\n")
    line = shell.refuses(*shell.command("import", "companies", source, "--rejected", "/dev/full"))
    assert line == "No space left on device."


def test_a_file_that_is_replaced_keeps_its_readers(shell):
    rejected = shell.write("", "rejected.csv")
    rejected.chmod(0o600)
    shell.import_csv("name,city\n,Berlin\n", "--rejected", rejected)
    assert rejected.stat().st_mode & 0o777 == 0o600


# --- a terminal ------------------------------------------------------------------------------------------------


def test_a_terminal_does_not_obey_a_file(shell):
    path = shell.write("first_name,last_name,email\nAda,L,x\033]0;pwned\007\n")
    master, slave = pty.openpty()
    process = shell.start(
        *shell.command("import", "contacts", path), stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE
    )
    os.close(slave)
    said = Background(lambda: "".join(iter(lambda: read_terminal(master), ""))).outcome()
    os.close(master)
    assert ended(process)[0] == 0
    assert r"Row 2: Invalid email format 'x\x1b]0;pwned\x07'" in said


def test_a_pipe_gets_what_the_file_has(shell):
    done = shell.import_csv("first_name,last_name,email\nA,L,x\033y\n", entity="contacts")
    assert "Row 2: Invalid email format 'x\033y'" in done.stdout


@pytest.mark.parametrize(
    ("args", "told"), [([], f"{2 * MANY} rows: {2 * MANY} imported, 0 skipped.\n"), (["--plan"], r"[0-9a-f-]{36}\n")]
)
def test_a_terminal_shows_bytes_and_rows(shell, args, told):
    path = shell.write("name\n" + "".join(f"Company {number}\n" for number in range(2 * MANY)))
    master, slave = pty.openpty()
    process = shell.start(
        *shell.command("import", "companies", path, *args),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = Background(lambda: "".join(iter(lambda: read_terminal(master), ""))).outcome()
    os.close(master)
    status, said, _ = ended(process)
    assert status == 0
    assert re.fullmatch(told, said.decode())
    assert re.search(r"\d+k/\d+k \[.*B/s, \d{4,5} rows\]", shown), shown


def read_terminal(master):
    """Return the output on a terminal, or nothing once the program has ended."""
    try:
        return os.read(master, 4096).decode()
    except OSError:
        return ""


def test_ctrl_c_in_the_middle_of_an_import_stores_nothing(shell):
    rejected = shell.folder / "rejected.csv"
    process = shell.start(
        *shell.command("import", "companies", "-", "--rejected", rejected),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # A pipe holds 64 kB, so by now most of this has been read and batches have been stored.
    Background(process.stdin.write, b"name\n" + b"".join(b"Company %d\n" % number for number in range(MANY))).outcome()
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    stdin, process.stdin = process.stdin, None  # Kept open, so that the file does not end.
    assert ended(process) == (130, b"", b"Interrupted; nothing was stored.\n")
    stdin.close()
    assert shell.my_names() == []
    assert list(shell.folder.iterdir()) == []


# --- export and template ---------------------------------------------------------------------------------------


def test_export_goes_to_stdout_as_csv(shell):
    shell.store(2)
    done = shell.manage(*shell.command("export", "companies"), text=False)
    columns = ",".join(RESOURCES["companies"].column_names())
    rest = "," * 14
    assert done.stdout.decode() == f"{columns}\r\nCompany 1{rest}\r\nCompany 2{rest}\r\n"
    assert (done.returncode, done.stderr) == (0, b"")


def test_export_into_a_csv_file(shell):
    shell.store(1)
    path = shell.folder / "Companies.CSV"
    done = shell.manage(*shell.command("export", "companies", "--output", path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert rows_of(path)[1][0] == "Company 1"
    assert [file.name for file in shell.folder.iterdir()] == ["Companies.CSV"]


def test_export_into_an_xlsx_file(shell):
    shell.store(1)
    path = shell.folder / "companies.xlsx"
    assert shell.manage(*shell.command("export", "companies", "--output", path)).returncode == 0
    assert openpyxl.load_workbook(path)["companies"].cell(2, 1).value == "Company 1"


def test_export_rejects_other_suffixes(shell):
    path = shell.folder / "companies.ods"
    assert shell.refuses(*shell.command("export", "companies", "--output", path)) == (
        f"{path}: the name must end in .csv or .xlsx."
    )
    assert not path.exists()


def test_export_of_an_unknown_tenant_keeps_the_previous_file(shell):
    path = shell.write("of last time", "companies.csv")
    line = shell.refuses("export", "companies", "--tenant", "nobody", "--output", path)
    assert line == "Tenant 'nobody' not found."
    assert [(file.name, file.read_text()) for file in shell.folder.iterdir()] == [("companies.csv", "of last time")]


def test_a_reader_of_the_export_can_stop_early(shell):
    shell.store(SOME)
    process = shell.start(*shell.command("export", "companies"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert read_line(process.stdout).startswith(b"name,domain")
    process.stdout.close()
    process.stdout = None
    assert ended(process) == (0, None, b"")


def test_a_full_disk_is_one_line(shell):
    shell.store(1)
    with Path("/dev/full").open("wb") as full:
        process = shell.start(*shell.command("export", "companies"), stdout=full, stderr=subprocess.PIPE)
        assert ended(process) == (2, None, b"No space left on device.\n")


def test_template_is_the_header_row(shell):
    done = shell.manage("template", "deals", text=False)
    assert done.stdout.decode() == ",".join(RESOURCES["deals"].column_names()) + "\r\n"
    assert (done.returncode, done.stderr) == (0, b"")


def test_template_into_a_file(shell):
    path = shell.folder / "contacts_template.csv"
    done = shell.manage("template", "contacts", "--output", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert rows_of(path) == [RESOURCES["contacts"].column_names()]


def test_a_file_that_is_stdout_is_not_replaced(shell):
    path = shell.folder / "both.csv"
    with path.open("wb") as stdout:
        shell.start("template", "deals", "--output", "/dev/stdout", stdout=stdout).wait(60)
        assert path.stat().st_ino == os.fstat(stdout.fileno()).st_ino
    assert rows_of(path) == [RESOURCES["deals"].column_names()]


def test_a_foreign_file_is_accepted_as_it_is(shell):
    content = "name,pipeline_name,stage_name,external_id\nRenewal,Partners,Talks,1\nRenewal,Partners,Talks,2\n"
    options = ("--missing", "create", "--incomplete", "accept", "--duplicates", "keep", "--json")
    done = shell.import_csv(content, *options, entity="deals")
    assert (done.returncode, json.loads(done.stdout)["imported"]) == (0, 2)
    done = shell.import_csv("first_name\nAda\n", *options, entity="contacts")
    assert (done.returncode, json.loads(done.stdout)["imported"]) == (0, 1)


def test_an_unknown_value_of_a_new_option_is_one_line(shell):
    path = shell.write("name\nAcme\n")
    assert shell.refuses(*shell.command("import", "companies", path, "--duplicates", "all")).endswith(
        "Unknown duplicates 'all'. Expected one of: reject, keep."
    )
