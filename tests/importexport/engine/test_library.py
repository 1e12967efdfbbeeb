"""Resources used as documented by django-import-export: import_data, hooks, signals, export."""

import contextlib
import io
import threading

import pytest
import tablib
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection, transaction
from import_export.signals import post_export, post_import

from crm.demo import create_demo_records
from crm.models import Company, Contact, Deal
from crm.models.tenant import create_tenant
from importexport import services
from importexport.db import lock_entities, patience
from importexport.models import ImportRun
from importexport.resources import RESOURCES, CompanyResource, ContactResource, DealResource

NO_TENANT = "ContactResource has no tenant"
HEADERS = ["first_name", "last_name", "email"]


def people(*emails, headers=HEADERS):
    return tablib.Dataset(*[("Ada", "Lovelace", email) for email in emails], headers=headers)


def emails():
    return list(Contact.objects.order_by("id").values_list("email", flat=True))


@pytest.fixture
def globex(db):
    return create_tenant(slug="globex", name="Globex")


@pytest.fixture
def signals():
    """The received post_import and post_export signals, as signal and model."""
    told = []

    def imported(sender, model, **_):
        told.append(("import", model))

    def exported(sender, model, **_):
        told.append(("export", model))

    post_import.connect(imported)
    post_export.connect(exported)
    yield told
    post_import.disconnect(imported)
    post_export.disconnect(exported)


# --- tenant -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES.values())
def test_a_resource_without_a_tenant_has_columns(resource):
    made = resource()
    assert [field.column_name for field in made.get_export_fields()] == resource.column_names()
    assert {field.column_name for field in made.get_user_visible_fields()} == set(resource.column_names())
    assert made.get_display_name() == resource.__name__


@pytest.mark.parametrize(
    "use",
    [
        lambda resource: resource.import_data(people("ada@example.com")),
        lambda resource: resource.import_data(people("ada@example.com"), dry_run=True),
        lambda resource: resource.export(),
        lambda resource: resource.export(Contact.objects.all()),
        lambda resource: resource.get_queryset(),
    ],
)
def test_imports_and_exports_require_a_tenant(db, use):
    with pytest.raises(ImproperlyConfigured, match=NO_TENANT):
        use(ContactResource())


def test_an_export_never_leaves_its_tenant(tenant, globex):
    ContactResource(tenant).import_data(people("ada@example.com"))
    ContactResource(globex).import_data(people("grace@example.com"))
    everybody = Contact.objects.order_by("id")
    column = ContactResource.column_names().index("email")
    for given in (None, everybody, everybody[:10], list(everybody)):
        assert ContactResource(globex).export(given).get_col(column) == ["grace@example.com"]


# --- import_data --------------------------------------------------------------------------------------------


def test_a_dataset_is_imported(tenant):
    result = ContactResource(tenant=tenant).import_data(people("ada@example.com", "nobody", "grace@example.com"))
    assert (result.has_errors(), result.has_validation_errors(), result.total_rows) == (False, False, 3)
    assert result.totals == {"new": 2, "update": 0, "delete": 0, "skip": 1, "error": 0, "invalid": 0}
    assert emails() == ["ada@example.com", "grace@example.com"]


def test_a_dry_run_stores_nothing(tenant):
    result = ContactResource(tenant=tenant).import_data(people("ada@example.com"), dry_run=True)
    assert result.totals["new"] == 1
    assert not Contact.objects.exists()


def test_a_file_error_is_a_base_error(tenant):
    result = ContactResource(tenant=tenant).import_data(tablib.Dataset(["Ada"], headers=["first_name"]))
    assert result.has_errors()
    assert [str(error.error) for error in result.base_errors] == [
        "Required columns 'last_name', 'email' missing from the header. Row 1 is a single cell, 'first_name', where"
        " commas, semicolons or tabs would separate columns. The file probably uses another separator."
    ]


def test_an_import_that_waits_too_long_has_a_base_error(transactional_db, tenant):
    with held_by_another(tenant, "contacts"), patience(wait=0.1):
        result = ContactResource(tenant).import_data(people("ada@example.com"))
    assert [str(error.error) for error in result.base_errors] == [
        "Another import of contacts is running. Try again later."
    ]


@contextlib.contextmanager
def held_by_another(tenant, entity):
    """Another import of an entity, which continues until the test is done with it."""
    held, seen = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                lock_entities(tenant, {entity})
                held.set()
                seen.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    try:
        yield
    finally:
        seen.set()
        thread.join(20)


def test_failed_rows_are_collected_on_request(tenant):
    result = ContactResource(tenant).import_data(people("ada@example.com", "nobody"), collect_failed_rows=True)
    assert result.failed_dataset.dict == [
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "nobody",
            "Error": "Row 3: Invalid email format 'nobody'",
        }
    ]


def test_an_import_is_one_transaction(tenant):
    with pytest.raises(ImproperlyConfigured, match="one transaction"):
        ContactResource(tenant).import_data(people("ada@example.com"), use_transactions=False)


# --- hooks --------------------------------------------------------------------------------------------------


class HookedResource(ContactResource):
    """Records the arguments of its hooks, and adds missing values to a dataset."""

    told = []

    def before_import(self, dataset, **kwargs):
        self.told.append(("before", kwargs["dry_run"], kwargs.get("file_name"), Contact.objects.count()))
        if isinstance(dataset, tablib.Dataset):
            dataset.append_col([f"{name}@example.com".lower() for name in dataset["first_name"]], header="email")

    def after_import(self, dataset, result, **kwargs):
        self.told.append(("after", kwargs["dry_run"], result.totals["new"], Contact.objects.count()))


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(HookedResource, "told", [])
    return HookedResource.told


def test_hooks_are_called_around_the_rows_and_can_change_the_dataset(tenant, told):
    dataset = tablib.Dataset(("Ada", "Lovelace"), ("Grace", "Hopper"), headers=["first_name", "last_name"])
    HookedResource(tenant=tenant).import_data(dataset, file_name="people.csv")
    assert told == [("before", False, "people.csv", 0), ("after", False, 2, 2)]
    assert emails() == ["ada@example.com", "grace@example.com"]


def test_hooks_are_called_in_a_dry_run_and_for_a_streamed_file(tenant, monkeypatch, told):
    monkeypatch.setitem(RESOURCES, "contacts", HookedResource)
    file = io.BytesIO(b"first_name,last_name,email\nAda,Lovelace,ada@example.com\n")
    services.import_file(ImportRun(tenant=tenant, entity="contacts", channel="shell"), file, dry_run=True)
    assert told == [("before", True, None, 0), ("after", True, 1, 1)]
    assert not Contact.objects.exists()


@pytest.mark.parametrize("hook", ["before_import", "after_import"])
def test_an_error_in_a_hook_stops_the_import(tenant, hook, signals):
    def fail(self, *args, **kwargs):
        raise ValidationError("Not on Sundays.")

    resource = type("Strict", (ContactResource,), {hook: fail})(tenant=tenant)
    result = resource.import_data(people("ada@example.com"))
    assert result.has_errors()
    assert [error.error.messages for error in result.base_errors] == [["Not on Sundays."]]
    with pytest.raises(ValidationError, match="Sundays"), transaction.atomic():
        resource.import_data(people("ada@example.com"), raise_errors=True)
    assert not Contact.objects.exists()
    assert signals == []


# --- signals ------------------------------------------------------------------------------------------------


def test_post_import_is_sent_once_at_the_end_of_an_import(tenant, signals):
    ContactResource(tenant).import_data(people("ada@example.com"), dry_run=True)
    assert signals == []
    ContactResource(tenant).import_data(people("ada@example.com"))
    assert signals == [("import", Contact)]


@pytest.mark.django_db(transaction=True)
def test_the_signals_are_sent_for_every_channel(api, signals):
    api.import_csv("companies", "name\nAcme\n")
    assert signals == [("import", Company)]
    api.export("companies")
    assert signals == [("import", Company), ("export", Company)]
    plan = api.plan("contacts", "first_name,last_name,email\nAda,Lovelace,ada@example.com\n")
    assert len(signals) == 2
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    assert signals[2:] == [("import", Contact)]


def test_a_receiver_finds_the_imported_records(tenant):
    found = []
    receiver = lambda model, tenant, **_: found.append((tenant, model.objects.count()))  # noqa: E731 - held weakly
    post_import.connect(receiver, sender=ContactResource)
    try:
        ContactResource(tenant).import_data(people("ada@example.com"))
        CompanyResource(tenant).import_data(tablib.Dataset(["Acme"], headers=["name"]))
    finally:
        post_import.disconnect(receiver, sender=ContactResource)
    assert found == [(tenant, 1)]


def test_an_error_in_a_receiver_rolls_nothing_back(tenant, api):
    def fail(**_):
        raise RuntimeError("The receiver is out of order.")

    post_import.connect(fail)
    try:
        assert ContactResource(tenant).import_data(people("ada@example.com")).created == 1
        assert api.import_csv("companies", "name\nAcme\n")["imported"] == 1
    finally:
        post_import.disconnect(fail)


def test_post_export_is_sent_once_by_either_kind_of_export(tenant, signals):
    ContactResource(tenant).export()
    assert signals == [("export", Contact)]
    stream = services.export_file("contacts", tenant=tenant)
    assert len(signals) == 1
    assert b"".join(stream)
    assert signals == [("export", Contact)] * 2


# --- export -------------------------------------------------------------------------------------------------


def streamed(tenant, entity, **options):
    return b"".join(services.export_file(entity, tenant=tenant, **options)).decode()


@pytest.mark.parametrize("entity", RESOURCES)
def test_the_csv_of_a_dataset_is_identical_to_a_streamed_export(tenant, entity):
    assert RESOURCES[entity](tenant).export().csv == streamed(tenant, entity)
    create_demo_records(tenant)
    assert RESOURCES[entity](tenant).export().csv == streamed(tenant, entity)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "'=x",
        "-cmd",
        "-5",
        "+49 30",
        "a,b",
        'say "x"',
        "x\ny",
        " x",
        "\\.",
        "ü",
        "@",
        "#N/A",
        "\tx",
        "x;=1",
        "x\t=1",
    ],
)
def test_every_text_is_exported_like_in_a_streamed_export(tenant, text):
    company = Company.objects.create(
        tenant=tenant, name=f"n {text}", city=text, notes=text, tags=[text.replace(",", "")]
    )
    Contact.objects.create(tenant=tenant, first_name=text, last_name="x", email="a@example.com", company=company)
    for entity in ("companies", "contacts"):
        assert RESOURCES[entity](tenant).export().csv == streamed(tenant, entity)


def test_chosen_columns_and_records(tenant):
    create_demo_records(tenant)
    records = Contact.objects.filter(lifecycle_stage="lead").order_by("id")
    dataset = ContactResource(tenant).export(records, export_fields=["email", "company_name"])
    assert dataset.csv == streamed(tenant, "contacts", queryset=records, columns=["email", "company_name"])


def test_an_export_fetches_all_references_in_one_query(tenant, django_assert_num_queries):
    create_demo_records(tenant)
    for resource in RESOURCES.values():
        with django_assert_num_queries(1):
            resource(tenant).export()


def test_a_workbook_has_numeric_and_date_cells(tenant):
    create_demo_records(tenant)
    dataset = DealResource(tenant).export(force_native_type=True)
    deal = Deal.objects.order_by("id").first()
    row = dict(zip(dataset.headers, dataset[0], strict=True))
    assert (row["value"], row["probability"], row["expected_close_date"]) == (
        deal.value,
        deal.probability,
        deal.expected_close_date,
    )


class LeadsResource(ContactResource):
    def filter_export(self, queryset, **kwargs):
        return queryset.filter(lifecycle_stage="lead")


def test_the_export_hooks_apply_to_both_kinds_of_exports(tenant, monkeypatch):
    create_demo_records(tenant)
    leads = Contact.objects.filter(lifecycle_stage="lead").order_by("id")
    expected = streamed(tenant, "contacts", queryset=leads)
    assert 0 < leads.count() < Contact.objects.count()
    monkeypatch.setitem(RESOURCES, "contacts", LeadsResource)
    assert LeadsResource(tenant).export().csv == streamed(tenant, "contacts") == expected
