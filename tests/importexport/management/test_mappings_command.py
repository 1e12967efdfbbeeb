"""`manage.py mappings`, `manage.py read`, and imports by the shell that use a saved mapping."""

import json

import pytest

from tests.support.lookalikes import file_of_two_programs

FILE = "Given,Family,Mail,Seen\nAda,Example,ada@alpha.example,x\n"
MAPPING = '{"Given": "first_name", "Family": "last_name", "Mail": "email", "Seen": null}'


@pytest.fixture
def run(shell):
    """A function that runs a command for the tenant and returns what it prints."""

    def command(*args):
        done = shell.manage(*args, "--tenant", shell.slug)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


@pytest.fixture
def file(shell):
    return shell.write(FILE)


def test_a_mapping_is_saved_used_listed_shown_and_deleted(run, file):
    assert run("mappings", "save", "contacts", "webinar", "--source", "auto", "--mapping", MAPPING) == (
        "Saved. Use it with: manage.py import contacts FILE --mapping @webinar\n"
    )
    assert run("import", "contacts", file, "--mapping", "@webinar") == "1 row: 1 imported, 0 skipped.\n"
    heading, line = run("mappings", "list").splitlines()
    assert heading.split() == ["ENTITY", "NAME", "SAYS", "SAVED", "LAST", "USED"]
    assert line.startswith("contacts  webinar  source=auto, mapping  20")
    assert not line.endswith("-")
    shown = json.loads(run("mappings", "show", "contacts", "webinar"))
    assert shown["options"] == {"source": "auto", "mapping": json.loads(MAPPING)}
    assert json.loads(run("mappings", "list", "--json", "--entity", "contacts")) == [shown]
    assert json.loads(run("mappings", "list", "--json", "--entity", "deals")) == []
    assert run("mappings", "delete", "contacts", "webinar") == "Deleted.\n"
    assert run("mappings", "list").split() == heading.split()


def test_what_cannot_be_saved_is_one_line(shell):
    def line(*args):
        return shell.refuses("mappings", *args, "--tenant", shell.slug)

    assert line("save", "contacts", "Webinar", "--source", "auto") == (
        "A mapping cannot have the name 'Webinar': it must be 1 to 50 of a-z, 0-9, _ and -."
    )
    assert line("save", "contacts", "webinar").startswith("There is nothing to save. Give at least one of: source,")
    assert line("save", "contacts", "webinar", "--source", "dbase").startswith("Unknown source 'dbase'.")
    assert line("save", "contacts", "webinar", "--mapping", "@other") == (
        "'mapping' cannot be saved as the name of another mapping."
    )
    assert line("show", "contacts", "webinar") == "There is no saved mapping 'webinar' for contacts. None is saved."
    assert line("delete", "contacts", "webinar") == "There is no saved mapping 'webinar' for contacts. None is saved."


def test_a_reading_is_shown_as_a_table(run, shell):
    file = shell.write("Name;Value;Close date\nAlpha\tdeal;1.234;03/04/2025\nBeta;;\n")
    lines = run("read", "deals", file, "--source", "auto", "--decimal", "comma").splitlines()
    assert lines[0] == "source: auto, encoding: utf-8, separated by semicolons, header in row 1, 2 rows"
    assert [line.split() for line in lines[1:5]] == [
        ["HEADER", "COLUMN", "FILLED", "CELL", "BECOMES"],
        ["Name", "name", "2", "Alpha", "deal", "Alpha", "deal"],
        ["Value", "value", "1", "1.234", "1234"],
        ["Close", "date", "expected_close_date", "1", "03/04/2025", "03/04/2025"],
    ]
    assert lines[5:] == [
        "Undecided: In 'Close date', no cell decides between day and month: row 2 has '03/04/2025'. Say with dates=dmy,"
        " dates=mdy or dates=ymd how the file writes its dates."
    ]


def test_a_reading_offers_the_mapping_that_was_last_used(run, file):
    run("mappings", "save", "contacts", "webinar", "--mapping", MAPPING)
    run("import", "contacts", file, "--mapping", "@webinar")
    assert run("read", "contacts", file, "--source", "auto").splitlines()[-1] == (
        "Files with these headers were last imported with --mapping @webinar."
    )


def test_a_reading_as_json_is_that_of_the_api(run, file):
    found = json.loads(run("read", "contacts", file, "--mapping", MAPPING, "--json"))
    assert found.keys() == {"reading", "delimiter", "totalRows", "headers", "questions", "offered"}
    assert found["headers"][0]["samples"] == [{"cell": "Ada", "becomes": {"first_name": "Ada"}}]


def test_standard_input_is_read(shell):
    done = shell.manage("read", "contacts", "-", "--mapping", MAPPING, "--tenant", shell.slug, input=FILE)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "source: rally, encoding: utf-8, separated by commas, header in row 1, 1 row",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--source", "dbase"], "Unknown source 'dbase'. Expected one of: rally, auto, act,"),
        (["--mapping", "{"], "'mapping' is not JSON: "),
        (["--mapping", '{"Given": "title", "Given": "email"}'], "'mapping' names 'Given' twice."),
        (["--mapping", '{"Given": "nickname"}'], "'mapping' gives 'Given' to 'nickname', which is no column."),
        (["--mapping", '{"Nick": "title"}'], "The mapping names a header that the file does not have: 'Nick'."),
        (["--mapping", "@none"], "There is no saved mapping 'none' for contacts. None is saved."),
        (["--values", '{"nickname": {}}'], "'values' names 'nickname'. Expected one of: first_name,"),
        (["--dates", "dym"], "Unknown dates 'dym'. Expected one of: iso, dmy, mdy, ymd."),
        (["--source", "auto", "--encoding", "utf-16"], "The file is not utf-16: about row 1"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(shell, file, options, sentence):
    assert shell.refuses(*shell.command("import", "contacts", file, *options)).startswith(sentence)


@pytest.mark.parametrize(
    ("entity", "content", "sentence"),
    [
        ("deals", "Deal Name,Close Date\nA,03/04/2025\n", "In 'Close Date', no cell decides between day and month:"),
        ("deals", "Deal Name,Amount\nA,1.234\n", "In 'Amount', no cell decides between decimal point and comma:"),
        ("companies", "name,Name\nA,B\n", "The headers 'name' and 'Name' both give 'name'."),
        (
            "companies",
            "name,city\nAcme,Orl\xe9ans\n".encode("cp1252"),
            "The file is not UTF-8: row 2 has bytes that are",
        ),
    ],
)
def test_what_is_undecided_is_one_line(shell, entity, content, sentence):
    file = shell.write(content)
    assert shell.refuses(*shell.command("import", entity, file, "--source", "auto")).startswith(sentence)
    shown = json.loads(shell.manage(*shell.command("read", entity, file, "--source", "auto", "--json")).stdout)
    (question,) = shown["questions"]
    assert question["message"].startswith(sentence)


def test_a_file_that_two_programs_may_have_written_is_one_line(shell):
    file = shell.write(file_of_two_programs("contacts"))
    line = shell.refuses(*shell.command("import", "contacts", file, "--source", "auto"))
    assert line.startswith("The header fits several programs equally: ")


def test_a_mapping_saved_for_headers_that_have_changed_is_one_line(run, shell):
    run("mappings", "save", "contacts", "webinar", "--mapping", MAPPING)
    file = shell.write(FILE.replace("Family", "Surname"))
    assert shell.refuses(*shell.command("import", "contacts", file, "--mapping", "@webinar")) == (
        "The mapping names a header that the file does not have: 'Family'. The file has 'Given', 'Surname', 'Mail', 'Seen'."
    )


def test_a_date_that_the_order_said_does_not_fit_rejects_its_row(run, shell):
    file = shell.write("activity_type,subject,due_date\ntask,Alpha,12/31/2025\ntask,Beta,31/12/2025\n")
    assert run("import", "activities", file, "--dates", "dmy").splitlines() == [
        "Row 2: Invalid date format in 'due_date'",
        "2 rows: 1 imported, 1 skipped.",
    ]
