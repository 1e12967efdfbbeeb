"""The export form and the exported files."""

import csv
import io

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, Contact
from importexport.admin.export_form import offered_columns
from importexport.http.downloads import NO_TURN
from importexport.models import ExportColumns
from importexport.resources import RESOURCES
from tests.support.api import Api
from tests.support.staff import Staff, words_of

PAGE, FILE = "crm_contact_export", "crm_contact_export_file"
COLUMNS = RESOURCES["contacts"].column_names()


def test_an_export_for_which_there_is_no_place_is_a_page_that_says_so(viewer):
    asked = {"format": "csv", "rows": "all", "columns": COLUMNS}
    response = viewer.client.get(reverse(f"admin:{FILE}"), asked, **{NO_TURN: True})
    assert (response.status_code, response["Retry-After"], response["Cache-Control"]) == (503, "5", "no-store")
    assert "Content-Security-Policy" in response.headers
    sentence = (
        "Too many files are being downloaded at this moment, so this one was not started. "
        "Go back and try again in a few seconds."
    )
    assert sentence in response.content.decode()


@pytest.fixture
def people(tenant):
    acme = Company.objects.create(tenant=tenant, name="Acme")
    for name, stage in (("Ada", "lead"), ("Grace", "customer"), ("Alan", "lead")):
        Contact.objects.create(
            tenant=tenant,
            first_name=name,
            last_name="L",
            email=f"{name}@example.com",
            lifecycle_stage=stage,
            company=acme,
        )


def exported(staff, **query):
    response = staff.get(FILE, **{"format": "csv", "rows": "all", "columns": COLUMNS} | query)
    assert response.status_code == 200
    assert response.streaming, words_of(response)
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode(), newline="")))


def today(tenant):
    return timezone.localdate(timezone=tenant.zone)


def names(rows):
    return [row[0] for row in rows[1:]]


def test_the_page_has_a_form(viewer, people):
    words = viewer.page(PAGE)
    assert "Export contacts" in words
    assert "All 3 contacts" in words
    assert "The filtered list" not in words
    assert viewer.get(PAGE).content.decode().count('type="checkbox" name="columns"') == len(COLUMNS)


def test_the_page_offers_the_filtered_list(editor, people):
    words = editor.page(PAGE, list="q=ada")
    assert "The filtered list 1 contact" in words
    assert "All 3 contacts" in words


@pytest.mark.parametrize("query", ["p=2", "o=1", "all=", "e=1", ""])
def test_a_list_that_is_only_sorted_is_not_filtered(editor, people, query):
    assert "The filtered list" not in editor.page(PAGE, list=query)


@pytest.mark.parametrize("query", ["nonsense=1", "tenant__slug=globex", "company__tenant__name=x", "id__in=x"])
def test_an_unknown_filter_is_not_an_error(editor, people, query):
    assert "All 3 contacts" in editor.page(PAGE, list=query)


def test_all_records_are_exported_as_by_the_api(viewer, tenant, people):
    response = viewer.get(FILE, format="csv", rows="all", columns=COLUMNS)
    assert response["Content-Disposition"] == f'attachment; filename="contacts-acme-{today(tenant)}.csv"'
    assert b"".join(response.streaming_content).decode() == Api(tenant).export("contacts")


def test_the_searched_list(editor, people):
    assert names(exported(editor, rows="list", list="q=ada")) == ["Ada"]


def test_the_filtered_list_is_ordered_by_id(editor, people):
    rows = exported(editor, rows="list", list="lifecycle_stage__exact=lead&o=-1&p=1")
    assert names(rows) == ["Ada", "Alan"]


def test_an_invalid_filter_never_exports_everything(editor, people):
    response = editor.get(FILE, format="csv", rows="list", list="nonsense=1", columns=COLUMNS)
    assert "no longer valid" in words_of(response)


NOTHING = ["company__id__exact=99999999999999999999", "run=7f3c5e0a-0000-4000-8000-000000000000", "q=nobody"]


def test_the_list_of_related_records_can_be_exported(editor, tenant, people):
    alone = Contact.objects.create(tenant=tenant, first_name="Hedy", last_name="L", email="hedy@example.com")
    query = f"company__id__exact={Company.objects.get().pk}"
    assert "The filtered list 3 contacts" in editor.page(PAGE, list=query)
    assert alone.first_name not in names(exported(editor, rows="list", list=query))


@pytest.mark.parametrize("query", NOTHING)
def test_a_filter_that_matches_nothing_exports_the_header(editor, people, query):
    assert "The filtered list 0 contacts" in editor.page(PAGE, list=query)
    assert exported(editor, rows="list", list=query) == [COLUMNS]
    workbook = editor.get(FILE, format="xlsx", rows="list", columns=COLUMNS, list=query)
    assert (workbook.status_code, b"".join(workbook.streaming_content)[:2]) == (200, b"PK")


@pytest.mark.parametrize(
    "query", ["notes__icontains=a", "email__startswith=a", "company__name__startswith=A", "pk__in=1"]
)
def test_an_export_accepts_only_the_parameters_of_the_list(editor, people, query):
    assert "The filtered list" not in editor.page(PAGE, list=query)
    page = editor.get(FILE, format="csv", rows="list", columns=COLUMNS, list=query)
    assert "The filter of the list is no longer valid." in words_of(page)


def test_some_columns_in_template_order(editor, people):
    rows = exported(editor, columns=["company_name", "first_name"])
    assert rows == [["first_name", "company_name"], ["Ada", "Acme"], ["Grace", "Acme"], ["Alan", "Acme"]]


def test_columns_are_named_in_plain_words(viewer, people):
    words = viewer.page(PAGE)
    for name in ("First name", "Email", "Company", "Lifecycle stage", "Postal code", "Lead source"):
        assert name in words
    assert "_" not in "".join(label for _, label in viewer.get(PAGE).context["columns"])


@pytest.mark.parametrize("entity", RESOURCES)
def test_no_two_columns_have_the_same_name_in_plain_words(entity):
    words = [label for _, label in offered_columns(entity)]
    assert len({*words}) == len(words) == len(RESOURCES[entity].column_names())


def chosen(staff):
    return staff.get(PAGE).context["choice"].columns


def test_columns_are_remembered_for_each_person(viewer, editor, tenant, people):
    assert chosen(viewer) == COLUMNS
    exported(viewer, columns=["last_name", "email"])
    assert chosen(viewer) == ["last_name", "email"]
    viewer.client.logout()
    again = Staff(tenant, "viewer")
    assert chosen(again) == ["last_name", "email"]
    assert chosen(editor) == COLUMNS
    exported(again, columns=["city"])
    assert chosen(again) == ["city"]
    exported(again)
    assert chosen(again) == COLUMNS
    assert not ExportColumns.objects.exists()


def test_a_superusers_columns_are_those_of_the_account(root, tenant, other_tenant, people):
    root.pick(tenant)
    exported(root, columns=["city"])
    root.pick(other_tenant)
    assert chosen(root) == COLUMNS


def test_a_remembered_column_that_there_is_no_more_is_left_out(viewer, tenant, people):
    mine = {"tenant": tenant, "user": User.objects.get(pk=viewer.user.pk), "entity": "contacts"}
    ExportColumns.objects.create(**mine, columns=["fax", "city"])
    assert chosen(viewer) == ["city"]
    ExportColumns.objects.update(columns=["fax"])
    assert chosen(viewer) == COLUMNS


def test_no_columns(editor, people):
    response = editor.get(FILE, format="xlsx", rows="list", list="q=ada", columns=["nonsense"])
    words = words_of(response)
    assert "Choose at least one column." in words
    assert response.context["choice"].format == "xlsx"
    assert response.context["list_query"] == "q=ada"


def test_an_unknown_format(editor, people):
    assert "Choose a file format." in words_of(editor.get(FILE, format="pdf", columns=COLUMNS))


def test_a_workbook(editor, tenant, people):
    import openpyxl

    response = editor.get(FILE, format="xlsx", rows="all", columns=["first_name", "email"])
    assert response["Content-Disposition"] == f'attachment; filename="contacts-acme-{today(tenant)}.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content))).active
    assert [[cell.value for cell in row] for row in sheet.rows][:2] == [
        ["first_name", "email"],
        ["Ada", "Ada@example.com"],
    ]


def test_a_csv_for_excel_begins_with_a_byte_order_mark(viewer, tenant, people):
    response = viewer.get(FILE, format="csv-excel", rows="all", columns=COLUMNS)
    assert response["Content-Disposition"] == f'attachment; filename="contacts-acme-{today(tenant)}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(response.streaming_content).decode() == "\ufeff" + Api(tenant).export("contacts")


def test_the_page_offers_three_files_and_keeps_what_was_chosen(viewer, people):
    words = viewer.page(PAGE)
    assert "CSV For any program" in words
    assert "CSV for Excel The same file, marked so that" in words
    assert "Excel (XLSX) A workbook" in words
    page = viewer.get(FILE, format="csv-excel", columns=["nonsense"]).content.decode()
    assert 'value="csv-excel" checked' in page


def test_a_file_contains_one_tenants_records(stranger, editor, people):
    assert exported(stranger) == [COLUMNS]
    assert "All 0 contacts" in stranger.page(PAGE)


def test_a_superuser_chooses_a_tenant_first(root, tenant, people):
    assert "Choose an account first" in root.page(PAGE)
    assert "Choose an account first" in words_of(root.get(FILE, format="csv", columns=COLUMNS))
    root.pick(tenant)
    assert names(exported(root)) == ["Ada", "Grace", "Alan"]


@pytest.mark.parametrize("model", ["company", "deal", "activity"])
def test_every_entity_has_the_page(tenant, transactional_db, model):
    staff = Staff(tenant, "viewer")
    assert "Export" in staff.page(f"crm_{model}_export")


def test_anonymous_users_cannot_export(client, db):
    assert "login" in client.get(reverse(f"admin:{FILE}")).url
