"""Where the header is, how its cells are matched, and what is said where columns are missing."""

import codecs
import unicodedata

import pytest

from importexport.files.header import fold_label

MARK = codecs.BOM_UTF8.decode()
MISSING = "Required columns 'first_name', 'last_name', 'email' missing from the header."


# --- lines above it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("\n", 1),
        ("\r\n \t\r\n,,\r\n", 3),
        ('\u200b,\ufeff\n"",""\n', 2),
        ("sep=;\n", 1),
        ("SEP=;\r\n", 1),
        ('"sep=;"\n', 1),
        ("sep=;;;\n", 1),
        (f"{MARK}sep=;\n", 1),
        ("sep=;\n\n\n", 3),
        ("\n\nsep=;\n", 3),
    ],
)
def test_lines_above_the_header_count_as_rows(api, above, lines):
    content = f'{above}name;city\n\nAcme;"a\nb"\nacme;x\n'
    assert api.errors("companies", content) == [f"Row {lines + 4}: Duplicate company with name 'acme'"]


@pytest.mark.parametrize(
    ("line", "delimiter"), [("sep=,", ","), ("sep=;", ";"), ("sep=\t", "\t"), ("sep=\\t", "\t"), ('"sep=\\T"', "\t")]
)
def test_a_first_line_names_the_delimiter(api, line, delimiter):
    content = f"{line}\nname{delimiter}notes\nAcme{delimiter}a,b;c\n".replace("a,b;c", '"a,b;c"')
    api.import_csv("companies", content)
    assert api.rows("companies") == [{"name": "Acme", "notes": "a,b;c"}]


def test_the_named_delimiter_counts_and_no_other(api):
    assert api.import_csv("companies", "sep=;\nname;a,city,b\nAcme;x,y,z\n")["imported"] == 1
    assert api.rows("companies") == [{"name": "Acme"}]


def test_a_header_may_only_begin_like_a_separator_line(api):
    assert api.import_csv("companies", "sep=x,name\n1,Acme\n")["imported"] == 1


@pytest.mark.parametrize(
    ("rest", "detail"),
    [
        (b"A\xff,x\n", "The file is not UTF-8: row 5 has bytes that are no UTF-8."),
        (b'A,"x\n', "Broken quoting in row 5:"),
    ],
)
def test_a_fault_of_the_file_is_in_the_row_of_the_spreadsheet(api, rest, detail):
    status, found = api.failure("companies", b"sep=,\n\nname,city\nOk,x\n" + rest)
    assert (status, found[: len(detail)]) == (400, detail)


@pytest.mark.django_db(transaction=True)
def test_plan_rows_and_rejected_rows_have_the_numbers_of_the_spreadsheet(api):
    plan = api.plan("companies", "\nsep=;\nname;employee_count\nAcme;x\nGlobex;1\n")
    rows = api.look(f"imports/{plan['id']}/rows")["results"]
    assert [(row["row"], row["action"]) for row in rows] == [(4, "reject"), (5, "create")]
    rejected = api.get(f"imports/{plan['id']}/rejected").getvalue().decode()
    assert rejected.splitlines()[1].split(";")[:3] == ["Acme", "x", "4"]


# --- how cells match -------------------------------------------------------------------------------------------


def test_every_dash_of_unicode_is_left_out():
    dashes = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Pd"]
    assert {fold_label(f"First{dash}Name") for dash in [*dashes, "\u2212"]} == {"firstname"}


@pytest.mark.parametrize(
    "cell", ["First\u2010Name", "first\u2013name", "FIRST\u2212NAME", "first\u00a0name", "\u200bfirst_\u00adname\ufeff",
             "'-first-name", '"=""first_name"""'],
)  # fmt: skip
def test_headers_match_whatever_nobody_sees_or_means(api, cell):
    assert api.import_csv("contacts", f"{cell},last_name,email\nA,B,a@example.com\n")["imported"] == 1


def test_choices_match_without_dashes_and_invisible_characters(api):
    api.import_csv("activities", "activity_type,subject,priority\nCall,x,\u200bHi\u00adgh\n")
    assert api.rows("activities")[0]["priority"] == "high"


# --- missing columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("first_name;last_name; Mail \n", "Required column 'email' missing from the header."
         " Row 1 has 'first_name', 'last_name', 'Mail', separated by semicolons. 'Mail' may be meant for 'email'."),
        ("\nfirst_name\tlast_name\n", "Required column 'email' missing from the header."
         " Row 2 has 'first_name', 'last_name', separated by tabs."),
        ("first_name|last_name|email\nA|B|C\n", f"{MISSING} Row 1 is a single cell, 'first_name|last_name|email', where"
         " commas, semicolons or tabs would separate columns. The file probably uses another separator."),
        ('"first_name;last_name;email"\n"A;B;a@b.example"\n', f"{MISSING} Row 1 is a single cell,"
         " 'first_name;last_name;email': its semicolons separate nothing, because the row as a whole is in quotation"
         " marks, or a sep= line above it names another separator."),
        ("sep=;\nfirst_name,last_name,email\nA,B,a@b.example\n", f"{MISSING} Row 2 is a single cell,"
         " 'first_name,last_name,email': its commas separate nothing, because the row as a whole is in quotation"
         " marks, or a sep= line above it names another separator."),
        ('"Made by A, B and C"\n', f"{MISSING} Row 1 is a single cell, 'Made by A, B and C', where commas, semicolons or"
         " tabs would separate columns. The file probably uses another separator."),
        ("Contacts of 2025\n\nMade by X\nFirst name;Last name;E-Mail\nA;B;a@b.example\n", f"{MISSING} Row 1 is a single"
         " cell, 'Contacts of 2025', where commas, semicolons or tabs would separate columns. Row 4 looks like the"
         " header: remove the rows above it."),
        ("Report,,\nfirst_name,last_name,email\n", f"{MISSING} Row 1 has 'Report', separated by commas."
         " Row 2 looks like the header: remove the rows above it."),
        ("email,first_name,last_name,E-Mail\n", "Column 'email' is repeated in the header."
         " Row 1 has 'email', 'first_name', 'last_name', 'E-Mail', separated by commas."),
        ("a,b\nA,\"x", f"{MISSING} Row 1 has 'a', 'b', separated by commas."),
    ],
)  # fmt: skip
def test_what_the_header_has_is_said(api, content, detail):
    assert api.failure("contacts", content) == (400, detail)


def test_a_header_is_looked_for_in_twenty_rows(api):
    header = "first_name,last_name,email\n"
    assert "Row 20 looks like" in api.failure("contacts", "x\n" * 19 + header)[1]
    assert "looks like" not in api.failure("contacts", "x\n" * 20 + header)[1]


@pytest.mark.parametrize("name", ["column {}", "c{}", "größe {} " + "ü" * 200, "\u0001{}"])
def test_thousands_of_names_are_a_kilobyte(api, name):
    status, detail = api.failure("contacts", ",".join(name.format(n) for n in range(5000)) + "\n")
    assert status == 400
    assert len(detail.encode()) <= 1024
    assert detail.startswith(MISSING)
    assert detail.endswith(" more, separated by commas.")
