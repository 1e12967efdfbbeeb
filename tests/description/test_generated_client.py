"""A client that openapi-python-client generates from the served description, against a real server."""

import importlib
import subprocess
import sys

import pytest

#: The generator knows few media types: a workbook is bytes to it. Its output need not be formatted.
CONFIG = """
post_hooks: []
content_type_overrides:
  application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/octet-stream
"""
PACKAGE = "generated_client"
HEADER = "first_name,last_name,email"
ONE = f"{HEADER}\nAda,Lovelace,ada@example.com\n"
TWO = f"{HEADER}\nAda,King,ada@example.com\nBob,,nobody\n"


@pytest.fixture(scope="module")
def generated(server, tmp_path_factory):
    """The directory of the generated client. The generator has nothing to complain of."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yaml").write_text(CONFIG)
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--url", f"{server.url}/api/v1/schema", "--config", folder / "config.yaml"),
        *("--output-path", folder / PACKAGE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def module(generated, monkeypatch):
    """A function that imports a module of the client."""
    monkeypatch.syspath_prepend(generated)
    yield lambda name="": importlib.import_module(f"{PACKAGE}{name and '.'}{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def calls(module, real_tenant):
    """Calls of the client with a tenant's key: ``calls("contacts.contacts_import", …)`` returns the response."""
    client = module().Client(base_url=real_tenant.server.url, headers={"X-Api-Key": real_tenant.secret})

    def call(name, *args, status=200, **options):
        response = module(f"api.{name}").sync_detailed(*args, client=client, **options)
        assert response.status_code == status, response.content
        return response

    return call


@pytest.fixture
def models(module):
    return module("models")


@pytest.fixture
def form(module, models):
    """A function that returns the body of an import or a plan."""

    def make(kind, text):
        file = module("types").File(payload=text.encode(), file_name="contacts.csv", mime_type="text/csv")
        return getattr(models, kind)(file=file)

    return make


def test_import_and_its_rows(calls, models, form):
    response = calls("contacts.contacts_import", body=form("ContactsImportBody", ONE))
    assert (response.parsed.imported, response.parsed.errors) == (1, [])
    run = response.headers["Location"].rpartition("/")[2]
    (row,) = calls("imports.imports_rows", run).parsed.results
    assert (row.row, row.action, row.entity) == (2, models.RowAction.CREATE, models.RecordKind.CONTACTS)
    assert calls("imports.imports_show", run).parsed.status is models.RunStatus.DONE


def test_an_option_is_an_enum(calls, models, form, real_tenant):
    calls("contacts.contacts_import", body=form("ContactsImportBody", ONE))
    body = form("ContactsImportBody", TWO)
    result = calls("contacts.contacts_import", body=body, mode=models.Mode.UPSERT, dry_run=True).parsed
    assert (result.imported, result.skipped) == (1, 1)
    assert real_tenant.sql("SELECT last_name FROM crm_contact WHERE tenant_id = %s", real_tenant.pk) == ("Lovelace",)


def test_plan_apply_and_undo(calls, models, form, real_tenant):
    plan = calls("contacts.contacts_plan", body=form("ContactsPlanBody", TWO), status=201).parsed
    assert (plan.status, plan.created, plan.skipped) == (models.RunStatus.PLANNED, 1, 1)
    result = calls("imports.imports_apply", plan.id, idempotency_key="apply-1").parsed
    assert isinstance(result, models.Result)
    assert real_tenant.count("contact") == 1
    (rejected,) = calls("imports.imports_rows", plan.id, action=models.RowAction.REJECT).parsed.results
    codes = [(error.column, error.code) for error in rejected.errors]
    assert codes == [("last_name", models.RowErrorCode.REQUIRED), ("email", models.RowErrorCode.EMAIL)]
    assert "import_error" in calls("imports.imports_rejected", plan.id).parsed
    undo = calls("imports.imports_undo", plan.id, status=201).parsed
    assert isinstance(calls("imports.imports_apply", undo.id).parsed, models.Run)
    assert real_tenant.count("contact") == 0


def test_exports(calls, models, form):
    calls("contacts.contacts_import", body=form("ContactsImportBody", ONE))
    chosen = [models.ContactColumn.EMAIL, models.ContactColumn.LAST_NAME]
    asked = {"columns": chosen, "lifecycle_stage": models.ContactLifecycleStage.LEAD}
    assert calls("contacts.contacts_export_csv", **asked).parsed == "email,last_name\r\nada@example.com,Lovelace\r\n"
    workbook = calls("contacts.contacts_export_xlsx", **asked).parsed
    assert workbook.payload.read(2) == b"PK"


def test_the_list_of_imports_and_the_key(calls, models, form, real_tenant):
    calls("contacts.contacts_import", body=form("ContactsImportBody", ONE))
    page = calls("imports.imports_list", entity=models.Entity.CONTACTS, limit=1).parsed
    assert (page.count, page.next_, page.results[0].channel) == (1, None, models.Channel.API)
    me = calls("key.me_show").parsed
    assert (me.tenant.slug, me.key.scope) == (real_tenant.slug, models.Scope.ADMIN)


def test_a_problem_is_an_object(calls, form, models):
    problem = calls("contacts.contacts_import", body=form("ContactsImportBody", "a,b\n"), status=400).parsed
    assert isinstance(problem, models.Problem)
    assert problem.type_ == "/api/docs/problems#missing-column"
