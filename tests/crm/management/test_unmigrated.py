"""Commands over a database that is not migrated, or only in part."""

import pytest

from crm.management.base import UNMIGRATED

COMMANDS = [
    "import contacts FILE --tenant acme",
    "imports list --tenant acme",
    "export contacts --tenant acme",
    "purge_imports",
    "create_tenant acme --name Acme",
    "create_api_key acme --name ci",
    "revoke_api_key acme --name ci",
    "list_api_keys acme",
    "check_keys",
    "demo",
]


@pytest.fixture(scope="module")
def unmigrated(new_installation):
    """An installation whose database is empty."""
    installation = new_installation()
    with installation.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return installation


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_an_unmigrated_database_is_one_line_and_status_2(unmigrated, tmp_path, command):
    path = tmp_path / "contacts.csv"
    path.write_text("first_name,last_name,email\nA,B,a@example.com\n")
    done = unmigrated.manage(*command.replace("FILE", str(path)).split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{UNMIGRATED}\n")


def test_the_frameworks_own_commands_say_so_too(unmigrated, monkeypatch):
    monkeypatch.setitem(unmigrated.env, "DJANGO_SUPERUSER_PASSWORD", "correct horse")
    done = unmigrated.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com")
    assert (done.returncode, done.stderr) == (2, f"{UNMIGRATED}\n")


def test_a_column_that_an_upgrade_adds_is_missing(installation):
    with installation.connect() as connection:
        connection.execute("ALTER TABLE importexport_importrun RENAME COLUMN options TO choices")
        connection.execute("DELETE FROM django_migrations WHERE app = 'importexport'")
    installation.manage("create_tenant", "acme", "--name", "Acme")
    done = installation.manage("imports", "list", "--tenant", "acme")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{UNMIGRATED}\n")
