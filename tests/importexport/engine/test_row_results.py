"""The rows of a result, as documented by django-import-export: import types, errors, diffs, instances."""

import io

import tablib
from django.db import connection
from django.test.utils import CaptureQueriesContext
from import_export.results import RowResult

from crm.models import Company, Contact
from importexport import services
from importexport.engine.options import Options
from importexport.engine.row_results import PREVIEW_ROWS
from importexport.models import ImportRun
from importexport.resources import CompanyResource, ContactResource

HEADERS = ["first_name", "last_name", "email"]


def people(*emails, headers=HEADERS):
    return tablib.Dataset(*[("Ada", "Lovelace", email) for email in emails], headers=headers)


def emails():
    return list(Contact.objects.order_by("id").values_list("email", flat=True))


def preview(resource, dataset):
    return resource.import_data(dataset, dry_run=True)


def test_the_first_rows_of_a_dry_run_have_results(tenant):
    dataset = tablib.Dataset(
        ("Ada", "Lovelace", "ada@example.com"),
        ("", "Hopper", "nobody"),
        ("Alan", "Turing", "alan@example.com"),
        headers=HEADERS,
    )
    result = preview(ContactResource(tenant), dataset)
    assert [(row.number, row.import_type) for row in result.rows] == [(2, "new"), (3, "skip"), (4, "new")]
    assert list(result) == result.rows == result.valid_rows()
    assert [row.object_repr for row in result] == ["Ada Lovelace", None, "Alan Turing"]
    assert not any(row.is_error() or row.is_invalid() for row in result)


def test_a_rejected_row_has_errors_and_rolls_nothing_back(tenant):
    dataset = tablib.Dataset(("", "Hopper", "nobody"), ("A", "B", "ada@example.com"), headers=HEADERS)
    result = ContactResource(tenant).import_data(dataset)
    ((number, errors),) = result.row_errors()
    assert number == 2
    assert [str(error.error) for error in errors] == [
        "Required field 'first_name' is empty",
        "Invalid email format 'nobody'",
    ]
    assert errors[0].row == {"first_name": "", "last_name": "Hopper", "email": "nobody"}
    assert errors[0].number == 2
    assert not result.has_errors()
    assert not result.has_validation_errors()
    assert emails() == ["ada@example.com"]


def test_the_diff_of_a_new_record_is_its_cells(tenant):
    result = preview(ContactResource(tenant), people("ada@example.com"))
    assert result.diff_headers == ContactResource.column_names()
    by_column = dict(zip(result.diff_headers, result.rows[0].diff, strict=True))
    assert "ada@example.com" in by_column["email"]
    assert by_column["email"].startswith("<ins")
    assert by_column["notes"] == ""


def test_the_diff_of_a_rejected_row_shows_its_cells_and_their_errors(tenant):
    dataset = tablib.Dataset(("<b>", "Hopper", "nobody"), headers=HEADERS)
    (row,) = preview(ContactResource(tenant), dataset).rows
    by_column = dict(zip(ContactResource.column_names(), row.diff, strict=True))
    assert by_column["first_name"] == "&lt;b&gt;"
    assert by_column["last_name"] == "Hopper"
    assert "nobody" in by_column["email"]
    assert "Invalid email format &#x27;nobody&#x27;" in by_column["email"]
    assert by_column["notes"] == ""


def test_errors_without_a_column_are_in_the_first(tenant):
    file = tablib.Dataset(("Acme", "1"), headers=["name", "import_row"])
    (row,) = preview(CompanyResource(tenant), file).rows
    assert "import_row" in row.diff[0]


def test_the_diff_of_a_changed_record_shows_before_and_after(tenant):
    company = Company.objects.create(tenant=tenant, name="Acme")
    Company.objects.create(tenant=tenant, name="Globex")
    Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="King", email="ada@example.com", company=company, tags=["vip"]
    )
    dataset = tablib.Dataset(
        ("Ada", "Lovelace", "ADA@example.com", "globex", "vip,new"),
        headers=[*HEADERS, "company_name", "tags"],
    )
    resource = ContactResource(tenant, options=Options(mode="upsert"))
    (row,) = preview(resource, dataset).rows
    by_column = dict(zip(ContactResource.column_names(), row.diff, strict=True))
    assert row.import_type == RowResult.IMPORT_TYPE_UPDATE
    assert ("King" in by_column["last_name"], "Lovelace" in by_column["last_name"]) == (True, True)
    assert ("Acme" in by_column["company_name"], "Globex" in by_column["company_name"]) == (True, True)
    assert "<ins" in by_column["tags"]
    assert by_column["first_name"] == "<span>Ada</span>"
    assert (row.original.last_name, row.original.company.name, row.original.tags) == ("King", "Acme", ["vip"])
    contact = Contact.objects.get()
    assert (contact.last_name, row.object_id) == ("King", contact.pk)


def test_an_unchanged_record_is_skipped_without_an_error(tenant):
    ContactResource(tenant).import_data(people("ada@example.com"))
    changed = Contact.objects.get().updated_at
    resource = ContactResource(tenant, options=Options(mode="upsert"))
    result = resource.import_data(people("ada@example.com"))
    assert [(row.import_type, row.errors) for row in result.rows] == [("skip", [])]
    assert (result.totals["skip"], result.unchanged, result.skipped, result.imported) == (1, 1, 0, 1)
    assert Contact.objects.get().updated_at == changed


def test_only_the_first_rows_have_results(tenant):
    dataset = people(*(f"{n}@example.com" for n in range(PREVIEW_ROWS + 50)))
    result = preview(ContactResource(tenant), dataset)
    assert [row.number for row in result.rows] == list(range(2, PREVIEW_ROWS + 2))
    assert result.totals["new"] == PREVIEW_ROWS + 50


def test_a_streamed_file_has_no_rows_in_its_report(tenant):
    file = io.BytesIO(b"name\nAcme\n")
    run = ImportRun(tenant=tenant, entity="companies", channel="shell")
    assert services.import_file(run, file, dry_run=True).rows == []


def test_instances_are_kept_on_request(tenant):
    dataset = people(*(f"{n}@example.com" for n in range(PREVIEW_ROWS + 1)), "nobody")
    result = ContactResource(tenant).import_data(dataset, retain_instance_in_row_result=True)
    assert [row.instance for row in result if row.is_new()] == list(Contact.objects.order_by("id"))
    assert [row.instance for row in result if row.is_skip()] == [None]


def test_the_number_of_queries_does_not_grow_with_the_rows(tenant):
    company = Company.objects.create(tenant=tenant, name="Acme")
    counts = []
    for size in (1, 30):
        for n in range(size):
            Contact.objects.create(
                tenant=tenant, first_name="A", last_name="B", email=f"{size}.{n}@example.com", company=company
            )
        emails = [f"{size}.{n}@example.com" for n in range(size)]
        dataset = tablib.Dataset(*[("A", "C", email, "Acme") for email in emails], headers=[*HEADERS, "company_name"])
        with CaptureQueriesContext(connection) as asked:
            preview(ContactResource(tenant, options=Options(mode="upsert")), dataset)
        counts.append(len(asked))
    assert counts[0] == counts[1]
