"""Files and options at fault: one line in the shell, and nothing is lost."""

import pytest

from tests.support.bad_files import BAD_FILES, BAD_ROWS


def arguments(options):
    return [part for name, value in options.items() for part in (f"--{name}", value)]


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_file_at_fault_is_one_line(shell, bad):
    command = shell.command("import", bad.entity, shell.write(bad.content), *arguments(bad.options))
    assert bad.sentence in shell.refuses(*command)


@pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda bad: bad.name)
def test_a_row_at_fault_is_a_line_of_its_own(shell, bad):
    done = shell.import_csv(bad.content, *arguments(bad.options), entity=bad.entity)
    assert done.returncode == 0
    assert bad.message in done.stderr.splitlines() + done.stdout.splitlines()
    assert "1 imported, 1 skipped" in done.stderr + done.stdout
