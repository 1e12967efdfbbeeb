"""The embedded PostgreSQL is shared by its users, stops after the last one, and survives crashes."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from rally import database
from rally.postgres import embedded
from tests.rally.postgres.cluster import Cluster, copy, leave
from tests.support.installation import ROOT, environment
from tests.support.waiting import ended, wait_until

#: Our installed packages, for a Python outside the virtual environment.
LIBRARIES = {"PYTHONPATH": sysconfig.get_path("purelib")}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_ten_concurrent_users_start_one_server(empty):
    users = [empty.begin() for _ in range(10)]
    empty.see_in(*users)
    assert [child.name() for child in empty.keeper().children()] == ["postgres"]
    assert empty.log().count("creating subdirectories") == 1
    for user in users[1:]:
        leave(user)
    users.append(empty.use())
    leave(users[0])
    assert empty.postmaster().is_running()
    leave(users[-1])
    assert empty.is_at_rest()
    assert "database system is shut down" in empty.log()
    assert not (empty.home / "postgres" / "postmaster.pid").exists()


def test_ten_waves_of_users_all_connect(cluster):
    for _ in range(5):
        wave = [cluster.begin() for _ in range(3)]
        cluster.see_in(*wave)
        for user in wave:
            leave(user)
    assert cluster.is_at_rest()


def test_a_killed_user_no_longer_counts(cluster):
    cluster.use().kill()
    assert cluster.is_at_rest()


def test_a_killed_keeper_is_replaced_without_restarting_the_server(cluster):
    first = cluster.use()
    server = cluster.postmaster()
    cluster.keeper().kill()
    second = cluster.use()
    assert cluster.postmaster() == server
    leave(first)
    assert server.is_running()
    leave(second)
    assert cluster.is_at_rest()


def test_a_killed_server_is_replaced(cluster):
    first = cluster.use()
    cluster.postmaster().kill()
    second = cluster.use()
    leave(first)
    leave(second)
    assert cluster.is_at_rest()


def test_a_keeper_stops_its_server_on_sigterm(cluster):
    user = cluster.use()
    cluster.keeper().terminate()
    assert cluster.is_at_rest()
    assert "database system is shut down" in cluster.log()
    leave(user)
    leave(cluster.use())


def test_a_keeper_stops_a_starting_server_on_sigterm(cluster):
    user = cluster.begin()
    [keeper] = wait_until(cluster.keepers, "there is a keeper")
    wait_until(keeper.children, "it has started its server")
    keeper.terminate()
    user.kill()
    assert cluster.is_at_rest()


def test_killing_all_processes_at_once(cluster):
    user = cluster.use("create")
    user.kill()
    cluster.kill()
    leave(cluster.use())
    assert cluster.is_at_rest()


def test_a_stale_process_id_that_another_process_has(cluster):
    user = cluster.use()
    left_over = (cluster.home / "postgres" / "postmaster.pid").read_text().splitlines(keepends=True)
    leave(user)
    assert cluster.is_at_rest()
    bystander = subprocess.Popen(["sleep", "60"])
    (cluster.home / "postgres" / "postmaster.pid").write_text("".join([f"{bystander.pid}\n", *left_over[1:]]))
    leave(cluster.use())
    assert cluster.is_at_rest()
    assert bystander.poll() is None
    bystander.kill()
    ended(bystander)


def test_a_keeper_killed_while_creating_the_data(empty):
    first = empty.begin()
    wait_until(lambda: list(empty.home.glob("postgres.unfinished-*")), "the data is being made")
    empty.keeper().kill()
    first.kill()
    leave(empty.use())
    assert empty.is_at_rest()
    assert not list(empty.home.glob("postgres.unfinished-*"))


def test_incomplete_data_is_removed_when_complete_data_exists(cluster):
    (cluster.home / "postgres.unfinished-1" / "base").mkdir(parents=True)
    leave(cluster.use())
    assert cluster.is_at_rest()
    assert not list(cluster.home.glob("postgres.unfinished-*"))


def test_the_server_holds_no_pipe_of_its_caller(cluster):
    code = (
        "import sys; from pathlib import Path; from rally.postgres.embedded import *; ensure_running(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(cluster.home)]
    for way in (command, ["sh", "-c", '"$@" 2>&1 | cat', "sh", *command]):
        assert cluster.is_at_rest()
        done = subprocess.run(way, cwd=ROOT, env=environment(cluster.home), capture_output=True, timeout=20)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_keeper_inherits_nothing_from_its_caller(cluster):
    user = cluster.use()
    # The two permanent processes. PostgreSQL's other processes may end at any time.
    for process in (cluster.keeper(), cluster.postmaster()):
        assert Path(f"/proc/{process.pid}/fd/0").readlink() == Path("/dev/null")
        assert os.getsid(process.pid) != os.getsid(user.pid)
        files = {file.path for file in process.open_files()}
        assert str(cluster.home / "postgres.users") not in files


def test_a_path_too_long_for_a_socket(resting, place):
    home = place / ("long" * 30) / "home"
    home.parent.mkdir()
    copy(resting, home)
    cluster = Cluster(home)
    sockets = embedded.socket_directory(home)
    try:
        leave(cluster.use())
        assert cluster.is_at_rest()
        assert sockets.parent == Path("/tmp")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    finally:
        cluster.end()
        shutil.rmtree(sockets)


def test_a_socket_directory_of_another_user(resting, place):
    home = place / ("long" * 30)
    copy(resting, home)
    cluster = Cluster(home)
    embedded.socket_directory(home).symlink_to(place)
    try:
        user = cluster.begin()
        _, said, complaint = ended(user)
        assert said == ""
        assert "EmbeddedServerError: The embedded PostgreSQL did not start; " in complaint
        assert "belongs to another user" in cluster.log()
    finally:
        cluster.end()
        embedded.socket_directory(home).unlink()


def test_it_does_not_listen_on_the_network_and_others_have_no_access(cluster):
    cluster.use()
    assert not list(cluster.postmaster().net_connections("inet"))
    assert stat.S_IMODE((cluster.home / "postgres.socket").stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.home / "postgres.users").stat().st_mode) == 0o600


def test_a_server_without_free_connections_counts_as_running(cluster):
    cluster.use()
    taken = []
    with pytest.raises(psycopg.OperationalError):
        for _ in range(220):
            taken.append(embedded.connect(cluster.home, "postgres"))
    assert embedded.answers(cluster.home)
    for connection in taken:
        connection.close()


def test_the_server_has_the_documented_settings(cluster):
    cluster.use()
    with embedded.connect(cluster.home, "rally") as connection:
        names = ("server_encoding", "TimeZone", "fsync", "max_connections", "listen_addresses")
        assert [connection.execute(f"SHOW {name}").fetchone()[0] for name in names] == ["UTF8", "UTC", "on", "200", ""]


def python_for(account: dict) -> str:
    """Return a Python of the same version that an account can run; skip the test if there is none."""
    name = f"python3.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        with contextlib.suppress(OSError):
            done = subprocess.run([python, "-c", "import psycopg"], env=LIBRARIES, cwd=ROOT, timeout=60, **account)
            if done.returncode == 0:
                return python
    pytest.skip("this Python, or this folder, is closed to ordinary users")


@ROOT_ONLY
def test_as_an_ordinary_user(place):
    nobody = pwd.getpwnam("nobody")
    account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    python = python_for(account)
    home = place
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    cluster = Cluster(home)
    try:
        leave(cluster.use(python=python, env=environment(home) | LIBRARIES, **account))
        assert cluster.is_at_rest()
        assert {path.stat().st_uid for path in home.rglob("*")} == {nobody.pw_uid}
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    finally:
        cluster.end()


@ROOT_ONLY
def test_as_root_only_traversal_is_allowed(resting):
    assert (resting / "postgres").stat().st_uid != 0
    assert stat.S_IMODE((resting / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE(resting.parent.stat().st_mode) == 0o701


def test_a_directory_that_cannot_be_created_is_a_one_line_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        embedded.EmbeddedServerError, match=r"^The embedded PostgreSQL cannot be used: .*Not a directory"
    ):
        embedded.ensure_running(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "sqlite:///db", "rally", "postgresql://host", "postgresql://a:s3cret@[/x"]
)
def test_a_bad_database_url_is_a_one_line_error_without_the_password(url, tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL .*postgresql://user:password@host/name$") as raised:
        database.from_environment(url=url, home=tmp_path)
    assert "s3cret" not in str(raised.value)


def test_a_database_url_is_parsed(tmp_path):
    url = "postgresql://us%40er:p%2Fw@db.example:6432/rally?sslmode=require"
    found = database.from_environment(url=url, home=tmp_path)
    assert (found["USER"], found["PASSWORD"]) == ("us@er", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "6432", "rally")
    assert found["OPTIONS"] == database.NETWORK | {"sslmode": "require"}
    assert "EMBEDDED_IN" not in found
