"""The Makefile lists its commands."""

import subprocess

from tests.support.installation import ROOT


def test_make_prints_help_by_default():
    options = {"cwd": ROOT, "capture_output": True, "text": True, "check": True, "timeout": 60}
    said = subprocess.run(["make", "--no-print-directory"], **options).stdout
    lines = dict(line.removeprefix("make ").split(maxsplit=1) for line in said.splitlines())
    assert list(lines) == ["help", "run", "test", "setup", "serve", "lint", "fixtures", "bench", "screenshots", "lock"]
    assert all(len(line) > 10 for line in lines.values())


def test_a_python_that_will_not_do_is_not_replaced_by_another(tmp_path):
    for name in ("Makefile", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = ["make", "--no-print-directory", "-C", tmp_path, "setup", "PYTHON=python9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python9 was not found, or is older than 3.11, which is needed.\n")


def test_locked_requirements_name_no_index_and_hash_everything():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text, path
        pinned = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert pinned
        assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == [], path
