"""Settings from the environment, with errors for invalid values."""

import runpy
import stat
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.support.installation import ROOT, environment
from tests.support.waiting import ended

PRINT = "import os; from rally import settings; print(*(repr(getattr(settings, name)) for name in os.environ['SHOW'].split()))"


def show(data_dir, names: str, **env: str) -> str:
    command = [sys.executable, "-c", PRINT]
    env = environment(data_dir, SHOW=names) | env
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def check(data_dir, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return start(data_dir, "manage.py", "check", *args, **env)


def start(data_dir, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *command]
    return subprocess.run(
        command, cwd=ROOT, env=environment(data_dir) | env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"DEBUG": "maybe"}, "DEBUG is 'maybe'; expected 1 or 0."),
        ({"RALLY_RATE_LIMIT": "many"}, "RALLY_RATE_LIMIT is 'many'; expected a whole number above 0."),
        ({"RALLY_IMPORT_MAX_BYTES": "-1"}, "RALLY_IMPORT_MAX_BYTES is '-1'; expected a whole number above 0."),
        ({"RALLY_IMPORT_MAX_BYTES": "١٢"}, "RALLY_IMPORT_MAX_BYTES is '١٢'; expected a whole number above 0."),
        ({"RALLY_CELL": "B7"}, "RALLY_CELL is 'B7'; expected two characters of a-z and 0-9."),
        (
            {"RALLY_EMAIL_URL": "mail.example.com"},
            "RALLY_EMAIL_URL is not the address of a mail server. Expected smtp://user:password@host:587 (with STARTTLS),"
            " smtps://user:password@host:465, or smtp+plain://host:25.",
        ),
        (
            {"RALLY_EMAIL_URL": "smtps://mail.example.com"},
            "RALLY_EMAIL_FROM is not an address. Messages need one: Rally <rally@example.com>.",
        ),
        ({"PORT": "http"}, "PORT is 'http'; expected a whole number above 0."),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY is '0'; expected a whole number above 0."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD'; expected DEBUG, INFO, WARNING, ERROR or CRITICAL."),
        (
            {"RALLY_STORAGE_URL": "s3://key@rally"},
            "RALLY_STORAGE_URL has a key without a secret, or a secret without a key. Expected s3://KEY:SECRET@bucket.",
        ),
        (
            {"DATABASE_URL": "mysql://root@localhost/rally"},
            "DATABASE_URL is not a PostgreSQL URL: postgresql://user:password@host/name",
        ),
        (
            {"DATABASE_URL": "postgresql:///rally", "RALLY_DIRECT_DATABASE_URL": "db.example:5432"},
            "RALLY_DIRECT_DATABASE_URL is not a PostgreSQL URL: postgresql://user:password@host/name",
        ),
        (
            {"DATABASE_URL": "postgresql:///rally", "RALLY_DIRECT_DATABASE_URL": "postgresql://db.example"},
            "RALLY_DIRECT_DATABASE_URL names no database: postgresql://user:password@host/name",
        ),
        (
            {"RALLY_DIRECT_DATABASE_URL": "postgresql://db.example/rally"},
            "RALLY_DIRECT_DATABASE_URL is set without DATABASE_URL, which it goes with.",
        ),
    ],
)
def test_an_invalid_value_is_an_error_of_one_sentence(tmp_path, monkeypatch, env, sentence):
    for name, value in {"RALLY_DATA_DIR": str(tmp_path), **env}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as error:
        runpy.run_path(str(ROOT / "rally" / "settings.py"))
    assert str(error.value) == sentence


def test_a_command_reports_an_invalid_value_in_one_line(tmp_path):
    done = check(tmp_path, PORT="http")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "PORT is 'http'; expected a whole number above 0.\n"


def test_a_data_directory_that_cannot_be_created_is_a_one_line_error(tmp_path):
    (tmp_path / "file").write_text("")
    done = check(tmp_path / "file")
    assert done.returncode == 2
    assert done.stderr.startswith("RALLY_DATA_DIR cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_the_secret_key_is_random_private_and_kept(tmp_path):
    names = "SECRET_KEY"
    [first, again] = [show(tmp_path / "a", names) for _ in range(2)]
    assert first == again != show(tmp_path / "b", names)
    assert len(first) > 60
    assert stat.S_IMODE((tmp_path / "a" / "secret_key").stat().st_mode) == 0o600
    assert show(tmp_path / "a", names, SECRET_KEY="given") == "'given'"


@pytest.mark.parametrize(
    ("command", "content"),
    [
        (["manage.py", "list_tenants"], b""),
        (["manage.py", "serve"], b" \n"),
        (["-m", "gunicorn", "-c", "rally/server/config.py"], b"\xff"),
    ],
)
def test_a_secret_key_file_without_a_key_is_a_one_line_error(tmp_path, command, content):
    file = tmp_path / "secret_key"
    file.write_bytes(content)
    done = start(tmp_path, *command)
    sentence = f"The file {file} has no secret key. Delete it: a new one is made, and all users have to sign in again."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence + "\n")
    assert file.read_bytes() == content


def test_the_server_reports_an_invalid_value_in_one_line(tmp_path):
    done = start(tmp_path, "-m", "gunicorn", "-c", "rally/server/config.py", PORT="http")
    assert (done.returncode, done.stderr) == (2, "PORT is 'http'; expected a whole number above 0.\n")


def test_concurrent_processes_agree_on_the_secret_key(tmp_path):
    command = [sys.executable, "-c", PRINT]
    options = {"cwd": ROOT, "env": environment(tmp_path, SHOW="SECRET_KEY"), "stdout": subprocess.PIPE}
    keys = {ended(process)[1] for process in [subprocess.Popen(command, **options) for _ in range(8)]}
    assert len(keys) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret_key", "static"]


def test_defaults_are_safe(tmp_path):
    assert show(tmp_path, "DEBUG ALLOWED_HOSTS") == "False ['localhost', '127.0.0.1', '[::1]']"
    assert show(tmp_path, "RALLY_IMPORT_MAX_BYTES RALLY_RATE_LIMIT") == "10485760 1000"


def test_the_base_domain_is_a_host(tmp_path):
    shown = show(tmp_path, "RALLY_BASE_DOMAIN ALLOWED_HOSTS", RALLY_BASE_DOMAIN=" RallyCRM.io. ", ALLOWED_HOSTS="a, b")
    assert shown == "'rallycrm.io' ['a', 'b', '.rallycrm.io']"


def test_a_relative_data_directory_is_relative_to_the_current_directory(tmp_path):
    command = [sys.executable, "-c", PRINT]
    env = environment(tmp_path, SHOW="DATA_DIR", PYTHONPATH=str(ROOT)) | {"RALLY_DATA_DIR": "my data"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert str(tmp_path / "my data") in done.stdout


def test_commands_that_need_no_database_start_none(tmp_path):
    assert check(tmp_path).returncode == 0
    assert not (tmp_path / "postgres").exists()


def test_the_deployment_checks_pass_behind_https(tmp_path):
    done = check(tmp_path, "--deploy", "--fail-level", "WARNING", RALLY_HTTPS="1")
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr
