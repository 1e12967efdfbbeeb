"""The Makefile lists its commands."""

import subprocess

from tests.support.installation import ROOT


def test_make_prints_help_by_default():
    options = {"cwd": ROOT, "capture_output": True, "text": True, "check": True, "timeout": 60}
    said = subprocess.run(["make", "--no-print-directory"], **options).stdout
    lines = dict(line.removeprefix("make ").split(maxsplit=1) for line in said.splitlines())
    assert list(lines) == ["help", "run", "test", "setup", "serve", "lint", "fixtures", "bench", "screenshots", "lock"]
    assert all(len(line) > 10 for line in lines.values())


def test_locked_requirements_name_no_index_and_hash_everything():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text, path
        pinned = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert pinned
        assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == [], path
