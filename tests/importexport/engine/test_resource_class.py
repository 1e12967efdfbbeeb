"""Subclasses of resources: supported Meta options, and definitions that are rejected because of COPY."""

import inspect

import pytest
import tablib
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.functions import Now
from django.test.utils import isolate_apps
from import_export.fields import Field
from import_export.options import ResourceOptions
from import_export.resources import Resource

from crm.models import Company, Contact, Deal, Tenant
from importexport import services
from importexport.columns.fields import Column
from importexport.columns.widgets import Text
from importexport.engine.options import OptionError, Options, read_options, values_of
from importexport.engine.resource import EntityResource
from importexport.engine.resource_class import FIXED_OPTIONS, NEVER_CALLED
from importexport.resources import RESOURCES, CompanyResource, ContactResource, DealResource

#: Methods that can be overridden. All other methods of django-import-export are rejected.
HONOURED = {
    "get_result_class", "get_row_result_class", "get_error_result_class", "get_diff_class", "get_chunk_size",
    "before_import", "after_import", "handle_import_error", "import_data", "import_data_inner", "before_export",
    "filter_export", "get_user_visible_fields", "export",
}  # fmt: skip


def subclass(base=ContactResource, meta=None, **members):
    """Return a subclass named Own with some Meta options."""
    return type("Own", (base,), members | ({"Meta": type("Meta", (), meta)} if meta else {}))


def imported(resource, tenant, *rows, headers, **options):
    return resource(tenant, **options).import_data(tablib.Dataset(*rows, headers=headers))


# --- hooks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", sorted(NEVER_CALLED))
def test_a_hook_that_is_never_called_is_rejected_when_the_class_is_defined(hook):
    with pytest.raises(ImproperlyConfigured, match=rf"^Own\.{hook}\(\) would never be called: "):
        subclass(**{hook: lambda self, *args, **kwargs: None})


def test_so_is_one_in_a_mixin_or_a_subclass():
    class Mixin:
        def before_save_instance(self, instance, row, **kwargs):
            pass

    class Fine(ContactResource):
        pass

    with pytest.raises(ImproperlyConfigured, match=r"Own\.before_save_instance"):
        type("Own", (Mixin, ContactResource), {})
    with pytest.raises(ImproperlyConfigured, match=r"Own\.skip_row"):
        subclass(Fine, skip_row=lambda self, *args: False)


def test_every_method_of_the_library_is_supported_or_rejected():
    methods = {name for name, _ in inspect.getmembers(Resource, callable) if not name.startswith("_") and name != "mro"}
    assert methods == set(NEVER_CALLED) | HONOURED
    assert not set(NEVER_CALLED) & HONOURED


def test_the_error_says_what_to_do_instead():
    with pytest.raises(ImproperlyConfigured) as refusal:
        subclass(before_import_row=lambda self, row, **kwargs: None)
    assert str(refusal.value) == (
        "Own.before_import_row() would never be called: rows are stored in batches by COPY, not one by one. "
        "Override before_import() or after_import(), or give the column a widget of its own."
    )


@pytest.mark.parametrize("name", ["dehydrate_email", "dehydrate_full_name"])
def test_a_dehydrate_method_is_rejected(name):
    with pytest.raises(ImproperlyConfigured, match=rf"Own\.{name}\(\) would never be called"):
        subclass(**{name: lambda self, instance: ""})


# --- Meta ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    {
        "instance_loader_class": object,
        "widgets": {"email": {}},
        "use_transactions": False,
        "skip_unchanged": False,
        "clean_model_instances": True,
        "use_bulk": True,
        "batch_size": 50,
        "force_init_instance": True,
        "using_db": "replica",
        "store_row_values": True,
        "use_natural_foreign_keys": True,
    }.items(),
)
def test_an_unsupported_option_is_rejected_when_the_class_is_defined(option, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^Own\.Meta\.{option} "):
        subclass(meta={option: value})


def test_every_option_of_the_library_is_supported_or_rejected():
    kept = {
        "model", "fields", "exclude", "import_id_fields", "import_order", "export_order", "report_skipped",
        "chunk_size", "skip_diff", "skip_html_diff", "store_instance",
    }  # fmt: skip
    options = {name for name in vars(ResourceOptions) if not name.startswith("_")}
    assert options == kept | set(FIXED_OPTIONS)


def test_options_with_their_fixed_values_are_accepted():
    assert subclass(meta={"use_transactions": True, "skip_unchanged": True, "use_bulk": False})


def test_skipped_rows_can_be_excluded_from_the_result(tenant):
    rows = [("Ada", "L", "ada@example.com"), ("Ada", "L", "nobody")]
    quiet = subclass(meta={"report_skipped": False})
    result = imported(quiet, tenant, *rows, headers=["first_name", "last_name", "email"])
    assert [row.import_type for row in result.rows] == ["new"]
    assert result.totals["skip"] == 1


@pytest.mark.parametrize("option", ["skip_diff", "skip_html_diff"])
def test_diffs_can_be_disabled(tenant, option):
    dataset = tablib.Dataset(["Acme"], headers=["name"])
    (row,) = subclass(CompanyResource, meta={option: True})(tenant).import_data(dataset, dry_run=True).rows
    assert (row.import_type, row.diff) == ("new", None)


def test_instances_can_be_stored_in_the_result(tenant):
    result = imported(subclass(CompanyResource, meta={"store_instance": True}), tenant, ["Acme"], headers=["name"])
    assert [row.instance for row in result] == [Company.objects.get()]


def test_requests_do_not_change_the_options_of_a_class(tenant):
    before = {name: getattr(ContactResource._meta, name) for name in dir(ContactResource._meta)}
    resource = ContactResource(tenant, options=Options(mode="upsert"))
    dataset = tablib.Dataset(["A", "B", "a@example.com"], headers=["first_name", "last_name", "email"])
    resource.import_data(dataset, retain_instance_in_row_result=True)
    resource.export(export_fields=["email"])
    assert {name: getattr(ContactResource._meta, name) for name in dir(ContactResource._meta)} == before


# --- fields -------------------------------------------------------------------------------------------------


def test_a_field_that_is_not_a_column_is_rejected():
    with pytest.raises(ImproperlyConfigured, match=r"^Own\.full_name is not a Column"):
        subclass(full_name=Field())


@pytest.mark.parametrize(
    ("meta", "columns"),
    [
        ({"fields": ("email", "first_name", "last_name")}, ["email", "first_name", "last_name"]),
        ({"fields": ("last_name", "email"), "export_order": ("email",)}, ["email", "last_name"]),
        ({"exclude": [name for name in ContactResource.column_names() if name != "email"]}, ["email"]),
    ],
)
def test_fields_and_exclude_restrict_the_columns_of_the_template_and_of_exports(tenant, monkeypatch, meta, columns):
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com")
    own = subclass(meta=meta)
    assert own.column_names() == columns
    monkeypatch.setitem(RESOURCES, "contacts", own)
    assert services.template_file("contacts").decode() == ",".join(columns) + "\r\n"
    dataset = own(tenant).export()
    assert dataset.headers == columns
    assert dataset.csv == b"".join(services.export_file("contacts", tenant=tenant)).decode()


def test_an_import_ignores_excluded_columns(tenant):
    own = subclass(meta={"exclude": ("notes", "company_name")})
    headers = ["first_name", "last_name", "email", "notes", "company_name"]
    result = imported(own, tenant, ("Ada", "Lovelace", "ada@example.com", "secret", "Nobody"), headers=headers)
    contact = Contact.objects.get()
    assert (result.ignored_columns, contact.notes, contact.company) == (["notes", "company_name"], "", None)
    assert "notes" not in result.diff_headers


def test_an_upsert_does_not_change_excluded_columns(tenant):
    Company.objects.create(tenant=tenant, name="Acme", notes="mine", city="Berlin")
    own = subclass(CompanyResource, meta={"fields": ("name", "city")})
    rows, headers = [("Acme", "Paris", "theirs")], ["name", "city", "notes"]
    result = imported(own, tenant, *rows, headers=headers, options=Options(mode="upsert"))
    company = Company.objects.get()
    assert (result.updated, company.city, company.notes) == (1, "Paris", "mine")


def test_an_excluded_column_gets_its_default(tenant):
    own = subclass(DealResource, meta={"fields": ("name", "value")})
    result = imported(own, tenant, ("Big one", "5"), headers=["name", "value"])
    assert list(result.messages) == []
    deal = Deal.objects.get()
    assert (deal.pipeline.is_default, deal.stage.position, deal.currency) == (True, 0, "USD")


def test_a_resource_without_required_columns_can_only_export(tenant):
    own = subclass(meta={"exclude": ("email", "last_name")})
    assert "email" not in own(tenant).export().headers
    with pytest.raises(ImproperlyConfigured, match=r"^Own excludes last_name, email, which every contact requires"):
        imported(own, tenant, ("Ada",), headers=["first_name"])


@pytest.mark.parametrize("option", ["fields", "exclude", "import_order", "export_order"])
def test_an_undeclared_column_is_rejected(option):
    with pytest.raises(ImproperlyConfigured, match=rf"^Own\.Meta\.{option} names emial, "):
        subclass(meta={option: ("email", "emial")})


def test_an_instance_can_exclude_columns(tenant):
    class Own(CompanyResource):
        def __init__(self, *args, user=None, **kwargs):
            super().__init__(*args, **kwargs)
            if user != "boss":
                del self.fields["annual_revenue"]

    dataset = tablib.Dataset(["Acme", "5"], headers=["name", "annual_revenue"])
    assert Own(tenant, user="clerk").import_data(dataset).ignored_columns == ["annual_revenue"]
    assert "annual_revenue" not in Own(tenant).export().headers
    assert Own(tenant, user="boss").export()["annual_revenue"] == [""]


def test_a_subclass_of_a_restricted_class_can_include_the_other_columns():
    own = subclass(meta={"fields": ("email",)})
    assert subclass(own).column_names() == ["email"]
    assert subclass(own, meta={"fields": ("email", "notes")}).column_names() == ["email", "notes"]
    assert ContactResource.column_names()[0] == "first_name"


def test_columns_not_in_import_order_come_last(tenant):
    own = subclass(CompanyResource, meta={"import_order": ("tags",)})
    assert imported(own, tenant, ("Acme", "a"), headers=["name", "tags"]).created == 1


# --- import_id_fields ---------------------------------------------------------------------------------------


def test_import_id_fields_is_the_default_of_match_on(tenant):
    own = subclass(CompanyResource, meta={"import_id_fields": ["domain"]})
    assert values_of("match_on", own.describe()) == ("domain", "name", "external_id")
    assert values_of("match_on", CompanyResource.describe()) == ("name", "domain", "external_id")
    assert read_options({"mode": "upsert"}, own.describe()).match_on == "domain"
    Company.objects.create(tenant=tenant, name="Old", domain="acme.example")
    rows, headers = [("New", "ACME.example")], ["name", "domain"]
    result = imported(own, tenant, *rows, headers=headers, options=Options(mode="upsert"))
    assert (result.updated, Company.objects.get().name) == (1, "New")
    assert own().get_import_id_fields() == ["domain"]


def test_options_without_match_on_match_on_the_first_key(tenant):
    Company.objects.create(tenant=tenant, name="Acme")
    options = Options(mode="update")
    result = imported(CompanyResource, tenant, ("ACME", "Berlin"), headers=["name", "city"], options=options)
    assert (result.updated, Company.objects.get().city) == (1, "Berlin")


@pytest.mark.parametrize("names", [("name",), ["name", "pipeline_name"], ("pipeline_name", "name")])
def test_a_composite_key_is_named_by_its_first_or_all_columns(names):
    own = subclass(DealResource, meta={"import_id_fields": names})
    assert read_options({"mode": "upsert"}, own.describe()).match_on == "name"


@pytest.mark.parametrize("names", [["city"], ["name", "city"], [], ["nonsense"]])
def test_import_id_fields_that_are_not_a_key_are_rejected(names):
    with pytest.raises(ImproperlyConfigured, match=r"^Own\.Meta\.import_id_fields .* name; domain\.$"):
        subclass(CompanyResource, meta={"import_id_fields": names})


def test_an_excluded_key_is_rejected():
    with pytest.raises(ImproperlyConfigured, match=r"^Own\.Meta\.import_id_fields names domain, which Meta excludes"):
        subclass(CompanyResource, meta={"import_id_fields": ["domain"], "exclude": ["domain"]})
    own = subclass(CompanyResource, meta={"exclude": ["name"]})
    assert values_of("match_on", own.describe()) == ("domain", "external_id")


def test_a_match_on_that_is_not_a_key_is_rejected():
    with pytest.raises(OptionError, match="Unknown match_on 'city'"):
        CompanyResource(options=Options(mode="upsert", match_on="city"))


# --- the model ----------------------------------------------------------------------------------------------


@isolate_apps("crm")
def test_a_field_that_only_save_would_set_is_rejected():
    class Memo(models.Model):
        tenant = models.ForeignKey(Tenant, models.CASCADE)
        text = models.CharField(max_length=10)
        added = models.DateTimeField(auto_now_add=True)
        kind = models.IntegerField(default=1, null=True)
        seen = models.DateTimeField(db_default=Now())
        read = models.DateTimeField(null=True)

        class Meta:
            app_label = "crm"

        def __str__(self):
            return self.text

    with pytest.raises(ImproperlyConfigured, match=r"^Own does not store added, kind of Memo, .* db_default\.$"):
        subclass(EntityResource, meta={"model": Memo}, text=Column(Text, Memo.text), entity="memos", noun="memo")
