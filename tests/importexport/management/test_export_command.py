"""What an export or a template can be asked for in a shell: columns, records, format, byte-order mark."""

import csv
import io

import openpyxl
import pytest

HEAD = "first_name,last_name,email,lifecycle_stage,tags\n"
CONTACTS = (
    HEAD + 'Ada,L,ada@example.com,lead,"vip,Berlin"\nBob,M,bob@example.com,customer,vip\nCyd,N,cyd@example.com,lead,\n'
)
MARK = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def export(new_installation, tmp_path_factory):
    """Run an export of contacts in an installation with three of them; return what it did."""
    installation = new_installation()
    path = tmp_path_factory.mktemp("files") / "contacts.csv"
    path.write_text(CONTACTS)
    assert installation.manage("create_tenant", "acme", "--name", "Acme").returncode == 0
    assert installation.manage("import", "contacts", str(path), "--tenant", "acme").returncode == 0

    def run(*args):
        return installation.manage("export", "contacts", "--tenant", "acme", *map(str, args), text=False)

    run.manage = installation.manage
    return run


def rows(done):
    assert (done.returncode, done.stderr) == (0, b"")
    return list(csv.reader(io.StringIO(done.stdout.decode())))


def refusal(done):
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    return line


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["lifecycle_stage=lead"], ["Ada", "Cyd"]),
        (["tags=VIP"], ["Ada", "Bob"]),
        (["tags=vip,berlin"], ["Ada"]),
        (["lifecycle_stage=lead", "tags=vip"], ["Ada"]),
        (["country=DE"], []),
    ],
)
def test_filters_are_those_of_the_api(export, filters, names):
    options = [word for text in filters for word in ("--filter", text)]
    assert rows(export("--columns", "first_name", *options)) == [["first_name"], *([name] for name in names)]


def test_columns_come_in_the_order_given_and_include_the_id_and_times(export):
    head, first, *_ = rows(export("--columns", "email,id,created_at"))
    assert head == ["email", "id", "created_at"]
    assert (first[0], first[1].isdigit(), first[2][-1]) == ("ada@example.com", True, "Z")


def test_records_changed_since_a_time(export):
    assert len(rows(export("--updated-since", "2020-01-01"))) == 4
    assert len(rows(export("--updated-since", "2100-01-01T00:00Z"))) == 1


def test_a_mark_begins_a_csv_file_and_a_template(export):
    assert export("--bom").stdout.startswith(MARK + b"first_name,")
    assert export.manage("template", "contacts", "--bom", text=False).stdout.startswith(MARK + b"first_name,")


def test_a_workbook_can_go_to_stdout_or_to_a_file_of_any_name(export, tmp_path):
    done = export("--format", "xlsx", "--columns", "first_name", "--filter", "tags=vip")
    written = export("--format", "xlsx", "--output", tmp_path / "workbook")
    assert (written.returncode, written.stdout) == (0, b"")
    sheet = openpyxl.load_workbook(io.BytesIO(done.stdout))["contacts"]
    assert [[cell.value for cell in row] for row in sheet.rows] == [["first_name"], ["Ada"], ["Bob"]]
    assert openpyxl.load_workbook(io.BytesIO((tmp_path / "workbook").read_bytes()))["contacts"].max_row == 4


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--filter", "shoe_size=44"], "Unknown filter 'shoe_size'. Expected one of: lifecycle_stage, lead_source,"),
        (["--filter", "vip"], "'vip' is not a filter, such as lifecycle_stage=…"),
        (["--filter", "tags=a", "--filter", "tags=b"], "The filter 'tags' is given more than once."),
        (["--filter", "lifecycle_stage=guest"], "Unknown lifecycle_stage 'guest'. Expected "),
        (["--filter", "company_name=Nobody"], "Unknown company_name 'Nobody'. Expected "),
        (["--columns", "email,shoe"], "Unknown column 'shoe'. Expected some of: first_name,"),
        (["--updated-since", "yesterday"], "Unknown updated_since 'yesterday'. Expected "),
        (["--format", "ods"], "argument --format: invalid choice: 'ods'"),
        (["--format", "xlsx", "--bom"], "Only a CSV file can begin with a byte-order mark."),
        (["--format", "xlsx", "--output", "a.csv"], "a.csv: the name must end in .xlsx, or --format be csv."),
    ],
)
def test_what_cannot_be_meant_is_one_line(export, args, line):
    assert refusal(export(*args)).startswith(line)


def test_an_export_that_is_refused_keeps_the_previous_file(export, tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text("of last time")
    refusal(export("--output", path, "--filter", "lifecycle_stage=guest"))
    assert path.read_text() == "of last time"
