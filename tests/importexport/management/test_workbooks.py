"""Workbooks in and out of the shell."""

import json
import shlex
import subprocess
import sys

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
    done = subprocess.run(f'cat "{path}" | {shlex.join(command)}', shell=True, cwd=ROOT, env=shell.installation.env)
    assert done.returncode == 0
    assert shell.my_names() == ["Acme"]


def test_several_sheets_are_one_line(shell):
    line = shell.refuses(*shell.command("import", "companies", shell.write(SHEETS)))
    assert line == "Several sheets have rows: 'People', 'Firms'. Name one as 'sheet'."
