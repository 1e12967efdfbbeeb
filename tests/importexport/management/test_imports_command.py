"""The list of imports, and JSON wherever the shell lists or plans."""

import json

import pytest

HEAD = "first_name,last_name,email,phone\n"
LISTED = ["imports", "list", "--tenant", "acme"]


@pytest.fixture(scope="module")
def history(new_installation, tmp_path_factory):
    """An installation with a few imports: contacts, companies (upserted), a failed file, an undo that is planned."""
    installation = new_installation()
    folder = tmp_path_factory.mktemp("files")

    def run(*args, status=0):
        done = installation.manage(*args)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout

    def write(name, content):
        path = folder / name
        path.write_text(content)
        return str(path)

    run("create_tenant", "acme", "--name", "Zürich Acme", "--currency", "CHF", "--timezone", "Europe/Zurich")
    run("create_tenant", "other", "--name", "Other")
    run("import", "contacts", write("contacts.csv", HEAD + "A,B,a@example.com,\nA,B,x,\n"), "--tenant", "acme")
    run("import", "companies", write("firms.csv", "name\nAcme\n"), "--tenant", "acme", "--mode", "upsert")
    run("import", "deals", write("failed.csv", "nonsense\n"), "--tenant", "acme", status=2)
    first = run(*LISTED).splitlines()[-1].split()[0]
    planned = json.loads(run("imports", "undo", first, "--tenant", "acme", "--json"))
    assert (planned["kind"], planned["status"], planned["parent"]) == ("undo", "planned", first)
    run.write = write
    return run


def described(line):
    """Return what a line of the list says besides the id, the time and the user."""
    return " ".join(line.rpartition(" (")[0].split()[3:])


def test_a_list_tells_state_kind_mode_and_counts(history):
    assert [described(line) for line in history(*LISTED).splitlines()] == [
        "planned undo - contacts 1 change: 1 undone, 0 conflicts contacts.csv",
        "failed import create deals 0 rows: 0 imported, 0 skipped failed.csv",
        "done import upsert companies 1 row: 1 imported, 0 skipped firms.csv",
        "done import create contacts 2 rows: 1 imported, 1 skipped contacts.csv",
    ]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--limit", "1"], ["contacts.csv"]),
        (["--entity", "companies"], ["firms.csv"]),
        (["--status", "failed"], ["failed.csv"]),
        (["--status", "done", "--entity", "contacts"], ["contacts.csv"]),
        (["--status", "failed", "--entity", "contacts"], []),
    ],
)
def test_a_list_can_be_narrowed(history, options, names):
    assert [described(line).split()[-1] for line in history(*LISTED, *options).splitlines()] == names
    assert [run["fileName"] for run in json.loads(history(*LISTED, *options, "--json"))] == names


def test_json_has_the_members_of_the_api(history):
    newest = json.loads(history(*LISTED, "--json", "--status", "done"))[0]
    expected = {"kind": "import", "entity": "companies", "status": "done", "channel": "shell", "created": 1}
    assert {name: newest[name] for name in expected} == expected
    assert newest["options"]["mode"] == "upsert"
    shown = json.loads(history("imports", "show", newest["id"], "--tenant", "acme", "--json"))
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["list", "--limit", "0"], "--limit is a number from 1 to 1000."),
        (["list", "--limit", "1001"], "--limit is a number from 1 to 1000."),
        (["list", "--limit", "few"], "argument --limit: invalid int value: 'few'"),
        (["list", "--status", "finished"], "argument --status: invalid choice: 'finished'"),
        (["list", "--entity", "people"], "argument --entity: invalid choice: 'people'"),
        (["rows", "ID", "--action", "delay"], "argument --action: invalid choice: 'delay'"),
        (["list", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_wrong_arguments_are_one_line(installation, arguments, line):
    installation.manage("create_tenant", "acme", "--name", "Acme")
    done = installation.manage("imports", *arguments, "--tenant", "acme")
    (said,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout, said.startswith(line)) == (2, "", True), said


def test_a_plan_is_the_apis_json_if_asked(history):
    path = history.write("planned.csv", HEAD + "Zoë,B,z@example.com,\n")
    plan = json.loads(history("import", "contacts", path, "--tenant", "acme", "--plan", "--json"))
    assert (plan["status"], plan["totalRows"], plan["created"]) == ("planned", 1, 1)
    assert history("imports", "apply", plan["id"], "--tenant", "acme") == "1 row: 1 imported, 0 skipped.\n"


def test_tenants_are_listed(history):
    lines = history("list_tenants").splitlines()
    assert [line.split()[:-2] for line in lines[1:]] == [
        ["acme", "Zürich", "Acme", "CHF", "Europe/Zurich"],
        ["other", "Other", "USD", "UTC"],
    ]
    assert lines[0].split() == ["SLUG", "NAME", "CURRENCY", "TIME", "ZONE", "CREATED"]
    first, _ = json.loads(history("list_tenants", "--json"))
    assert first.pop("createdAt").endswith("Z")
    assert first == {"slug": "acme", "name": "Zürich Acme", "currency": "CHF", "timezone": "Europe/Zurich"}


def test_keys_are_listed_as_json(history):
    history("create_api_key", "acme", "--name", "Zürich", "--expires", "2100-01-01T00:00Z")
    (key,) = json.loads(history("list_api_keys", "acme", "--json"))
    assert key.pop("createdAt").endswith("Z")
    assert key == {
        "name": "Zürich",
        "scope": "write",
        "state": "active",
        "lastUsedAt": None,
        "expiresAt": "2100-01-01T00:00:00Z",
    }
