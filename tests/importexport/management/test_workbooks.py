"""Workbooks in and out of the shell."""

import json
import shlex
import subprocess
import sys

import openpyxl

from tests.support.installation import ROOT
from tests.support.workbooks import made

SHEETS = made(People=[["name"], ["Ada"]], Firms=[["name"], ["Acme"]])


def test_a_sheet_is_imported_by_its_name(shell):
    done = shell.import_csv(SHEETS, "--sheet", "Firms", "--json")
    assert json.loads(done.stdout)["imported"] == 1
    assert shell.my_names() == ["Acme"]


def test_a_workbook_comes_through_a_pipe(shell):
    path = shell.write(made(["name"], ["Acme"]))
    command = [sys.executable, "manage.py", *shell.command("import", "companies", "-", "--json")]
    done = subprocess.run(
        f'cat "{path}" | {shlex.join(command)}', shell=True, cwd=ROOT, env=shell.installation.env, timeout=300
    )
    assert done.returncode == 0
    assert shell.my_names() == ["Acme"]


def test_several_sheets_are_one_line(shell):
    line = shell.refuses(*shell.command("import", "companies", shell.write(SHEETS)))
    assert line == "Several sheets have rows: 'People', 'Firms'. Name one as 'sheet'."


def test_rejected_rows_are_a_workbook_by_their_name(shell):
    path = shell.folder / "rejected.xlsx"
    shell.import_csv("name,employee_count\nAcme,many\n", "--rejected", path)
    sheet = openpyxl.load_workbook(path).active
    assert [[cell.value for cell in row] for row in sheet] == [
        ["name", "employee_count", "import_error"],
        ["Acme", "many", "Row 2: Invalid number format in 'employee_count'"],
    ]
    assert sheet["B2"].comment.text == "Invalid number format in 'employee_count'"


def test_a_template_is_a_workbook_by_its_name(shell):
    path = shell.folder / "template.xlsx"
    shell.manage("template", "contacts", "--output", path)
    assert openpyxl.load_workbook(path).active["A1"].value == "first_name"
