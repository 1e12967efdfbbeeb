"""A taken port is one sentence, before anything else happens."""

import socket
import subprocess

import pytest

from rally.server.port import why_not
from tests.support.installation import ROOT, environment, free_port


@pytest.fixture
def taken():
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_free_port_is_no_problem():
    assert why_not("127.0.0.1", free_port()) is None
    assert why_not("localhost", free_port()) is None


def test_a_taken_port_is_named_and_another_one_suggested(taken):
    assert why_not("127.0.0.1", taken) == (
        f"Port {taken} on 127.0.0.1 is in use. Stop what listens there, or name another port: PORT={taken + 1}"
    )


@pytest.mark.parametrize(
    ("host", "port", "sentence"),
    [
        ("127.0.0.1", 99_999, "PORT is 99999; expected a number from 1 to 65535."),
        ("192.0.2.1", 8000, "The server cannot listen on port 8000 of 192.0.2.1: Cannot assign requested address."),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(host, port, sentence):
    assert why_not(host, port) == sentence


@pytest.mark.parametrize("target", ["run", "serve"])
def test_make_says_so_before_anything_is_set_up(target, taken, tmp_path):
    env = environment(tmp_path / "data", PORT=str(taken))
    command = ["make", "--no-print-directory", target, f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert (done.stdout, done.stderr.splitlines()[0]) == ("", why_not("127.0.0.1", taken))
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_so_before_the_database_is_touched(taken, tmp_path):
    env = environment(tmp_path, PORT=str(taken))
    python = ROOT / ".venv" / "bin" / "python"
    done = subprocess.run(
        [python, "manage.py", "serve", "--demo"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{why_not('127.0.0.1', taken)}\n")
    assert not (tmp_path / "postgres").exists()
