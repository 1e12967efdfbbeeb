"""Options as fields of the form, beside the file: as curl -F, requests and generated clients send them."""

import shutil
import subprocess

import pytest

from importexport.api.misspellings import meant
from importexport.engine.options import NAMES
from tests.importexport.api.wire import BOUNDARY, CONTACTS, IMPORT, Form

PLAN = "/api/v1/importexport/contacts/plan"
FILE = ("file", "contacts.csv", CONTACTS)


def field(name, value):
    return name, None, value if isinstance(value, bytes) else value.encode()


def send(api, key, *fields, path=IMPORT, file=FILE, **headers):
    """Post a form of fields and a file, in this order."""
    return api.upload(path, Form([*(field(*each) for each in fields), file]), key=key, headers=headers)


def check_rejected(account, answer, detail, cause):
    """Check that a request was rejected and nothing stored, neither records nor a run."""
    assert (answer.status, answer.detail) == (400, detail)
    assert answer.json["type"] == f"/api/docs/problems#{cause}"
    assert account.count() == 0
    assert account.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", account.pk) == 0


# --- what counts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [[field("dry_run", "true"), FILE], [FILE, field("dry_run", "true")]])
def test_a_dry_run_before_or_after_the_file_stores_nothing(api, account, key, parts):
    assert api.upload(IMPORT, Form(parts), key=key).json["imported"] == 1
    assert account.count() == 0


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("form", [["file=@contacts.csv", "dry_run=true"], ["dry_run=true", "file=@contacts.csv"]])
def test_a_dry_run_of_curl_stores_nothing(api, account, key, tmp_path, form):
    (tmp_path / "contacts.csv").write_bytes(CONTACTS)
    fields = [argument for each in form for argument in ("-F", each)]
    url = f"http://127.0.0.1:{api.server.port}{IMPORT}"
    command = ["curl", "-sS", "-H", f"X-Api-Key: {key}", *fields, url]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    assert (said.stdout, said.stderr) == (b'{"totalRows": 1, "imported": 1, "skipped": 0, "errors": []}', b"")
    assert account.count() == 0


def test_a_field_with_a_file_name_counts_as_well(api, account, key):
    """As Python's requests sends it with files={"dry_run": "true"}, and JavaScript's FormData with a Blob."""
    assert api.upload(IMPORT, Form([("dry_run", "blob", b"true"), FILE]), key=key).json["imported"] == 1
    assert account.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "options",
    [
        {
            "mode": "upsert",
            "match_on": "email",
            "blank": "clear",
            "tags": "add",
            "missing": "create",
            "clear_marker": "[ö]",
        },
        {"mode": "update", "match_on": "email", "blank": "fill", "tags": "remove", "missing": "reject"},
    ],
)
def test_every_option_can_be_a_field(api, key, options):
    kept = send(api, key, *options.items(), path=PLAN).json["options"]
    assert {name: kept[name] for name in options} == options


@pytest.mark.django_db(transaction=True)
def test_a_field_completes_the_query(api, key):
    plan = send(api, key, ("mode", "upsert"), path=f"{PLAN}?tags=add&blank=keep").json
    assert (plan["options"]["mode"], plan["options"]["tags"]) == ("upsert", "add")


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "1"])
def test_a_boolean_is_true_in_every_spelling(api, account, key, value):
    assert send(api, key, ("dry_run", value)).json["imported"] == 1
    assert send(api, key, path=f"{IMPORT}?dry_run={value}").json["imported"] == 1
    assert send(api, key, ("dry_run", value), path=f"{IMPORT}?dry_run=true").json["imported"] == 1
    assert account.count() == 0


@pytest.mark.parametrize("value", ["false", "False", "FALSE", "0"])
def test_a_boolean_is_false_in_every_spelling(api, account, key, value):
    assert send(api, key, ("dry_run", value), path=f"{IMPORT}?dry_run={value}").json["imported"] == 1
    assert account.count() == 1


def test_a_plan_is_no_dry_run(api, account, key):
    assert send(api, key, ("dry_run", "false"), path=f"{PLAN}?dry_run=0").status == 201
    detail = "'dry_run' means nothing here: no records are stored."
    for answer in (send(api, key, ("dry_run", "true"), path=PLAN), send(api, key, path=f"{PLAN}?dry_run=1")):
        assert (answer.status, answer.detail) == (400, detail)


# --- what is passed over -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", "hello"), ("_charset_", "utf-8"), ("model", "contacts"), ("code", "1"), ("name", "x"), ("n\u00f6te", "x"),
        ("note", b"\xff\xfe"), ("csv", b"a,b\r\n"), ("", "x"), ("file", "no name"),
    ],
)  # fmt: skip
def test_a_field_of_another_name_is_ignored(api, account, key, name, value):
    assert send(api, key, (name, value)).json["imported"] == 1
    assert account.count() == 1


# --- what is rejected ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("dryRun", "dry_run"), ("dry-run", "dry_run"), ("DRY_RUN", "dry_run"), ("dryrun", "dry_run"),
        ("dry run", "dry_run"), ("dry_rnu", "dry_run"), ("matchOn", "match_on"), ("Mode", "mode"),
        ("tag", "tags"), ("Blank", "blank"), ("clearMarker", "clear_marker"), ("mising", "missing"),
    ],
)  # fmt: skip
def test_a_misspelt_option_is_an_error_that_names_the_right_one(api, account, key, name, option):
    detail = f"Unknown form field '{name}' (did you mean '{option}'?)."
    check_rejected(account, send(api, key, (name, "true")), detail, "unknown-parameter")


@pytest.mark.parametrize("name", ["model", "node", "code", "page", "name", "type", "file", "key", "title", "label"])
def test_no_hint_is_better_than_a_wrong_one(name):
    assert meant(name, ("dry_run", *NAMES)) is None


@pytest.mark.parametrize(
    ("fields", "query", "detail", "cause"),
    [
        ([("dry_run", "yes")], "", "Unknown dry_run 'yes'. Expected one of: true, false.", "invalid-option"),
        ([("dry_run", "")], "", "Unknown dry_run ''. Expected one of: true, false.", "invalid-option"),
        ([("dry_run", "true\n")], "", "Unknown dry_run 'true\n'. Expected one of: true, false.", "invalid-option"),
        ([("mode", "merge")], "", "Unknown mode 'merge'. Expected one of: create, update, upsert.", "invalid-option"),
        ([("mode", "x" * 9000)], "", f"Unknown mode '{'x' * 100}'. Expected one of: create, update, upsert.", "invalid-option"),
        ([("blank", "clear")], "", "'blank' means nothing with mode 'create'.", "invalid-option"),
        ([("mode", "create")], "blank=clear", "'blank' means nothing with mode 'create'.", "invalid-option"),
        ([], "blank=clear", "'blank' means nothing with mode 'create'.", "invalid-option"),
        ([("mode", b"\xff")], "", "The form field 'mode' is not UTF-8.", "invalid-option"),
        ([("mode", "update"), ("mode", "update")], "", "The form field 'mode' is given more than once.", "repeated-parameter"),
        ([("dry_run", "true")], "dry_run=false", "'dry_run' is 'false' in the query, but 'true' in the form.", "contradictory-option"),
        ([("mode", "update"), ("clear_marker", "")], "", "'clear_marker' must have 1 to 20 characters.", "invalid-option"),
        ([("clear_marker", "True")], "clear_marker=true&mode=update", "'clear_marker' is 'true' in the query, but 'True' in the form.", "contradictory-option"),
        ([("mode", "update")], "mode=upsert", "'mode' is 'upsert' in the query, but 'update' in the form.", "contradictory-option"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_followed_is_an_error(api, account, key, fields, query, detail, cause):
    check_rejected(account, send(api, key, *fields, path=f"{IMPORT}?{query}"), detail, cause)


def test_an_endless_field_is_too_much_beside_the_file(api, account, key):
    assert send(api, key, ("mode", "x" * 300_000)).status == 413
    assert account.count() == 0


# --- the order of the checks ---------------------------------------------------------------------------------


def test_fields_are_judged_after_the_scope_and_the_kind_of_file(api, account, key):
    wrong = ("dry_run", "yes")
    assert send(api, account.add_key("read"), wrong).status == 403
    assert send(api, key, wrong, file=("file", "a.csv", b"%PDF-1.7" + bytes(100))).status == 415
    assert send(api, key, wrong, file=("file", "a.csv", b"")).json["type"].endswith("#invalid-option")


def test_the_query_is_judged_before_the_scope(api, account):
    reader = account.add_key("read")
    for query in ("mode=merge", "dry_run=yes", "mode=create&blank=clear", "tags=x", "dryRun=true"):
        assert send(api, reader, path=f"{IMPORT}?{query}").status == 400


# --- retries -------------------------------------------------------------------------------------------------


def test_other_fields_make_another_request(api, account, key):
    retry = {"Idempotency-Key": "order-1"}
    assert send(api, key, ("dry_run", "true"), **retry).status == 200
    answer = send(api, key, **retry)
    assert (answer.status, answer.json["type"]) == (422, "/api/docs/problems#idempotency-key-reused")
    assert account.count() == 0


def test_an_option_is_the_same_in_the_query_and_in_the_form(api, account, key):
    retry = {"Idempotency-Key": "order-2"}
    first = send(api, key, ("mode", "upsert"), ("note", "1"), **retry)
    again = send(api, key, path=f"{IMPORT}?mode=upsert", **retry)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    assert first.headers["Idempotent-Replayed"] is None


def test_the_type_of_a_form_may_be_written_in_capitals(api, account, key):
    sent = Form([field("dry_run", "true"), FILE])
    headers = {"Content-Type": f"Multipart/Form-Data; boundary={BOUNDARY}"}
    assert api.request("POST", IMPORT, key=key, headers=headers, body=sent.body).status == 200
    assert account.count() == 0
