"""Exports, formula safety, and the round trip."""

import csv
import datetime as dt
import io
import itertools

import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from crm.demo import create_demo_records
from crm.models import Company
from crm.models.tenant import create_tenant
from importexport import services
from importexport.files import formula
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.api import one_row

ENTITIES = ["companies", "contacts", "deals", "activities"]


def exported(tenant, entity, **options):
    return b"".join(services.export_file(entity, tenant=tenant, **options))


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_template_is_the_header_of_the_export(api, entity):
    response = api.get(f"{entity}/template")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{entity}_template.csv"'
    assert response.content.decode() == api.export(entity) == ",".join(RESOURCES[entity].column_names()) + "\r\n"


def new_run(entity, tenant):
    """Return a run for a file imported in the shell."""
    return ImportRun(tenant=tenant, entity=entity, channel="shell")


def test_the_columns_are_those_of_the_contract():
    assert {entity: " ".join(resource.column_names()) for entity, resource in RESOURCES.items()} == {
        "contacts": "first_name last_name email phone mobile title department company_name address city state country"
        " postal_code lifecycle_stage lead_source tags notes",
        "companies": "name domain industry description employee_count annual_revenue phone website address city state"
        " country postal_code tags notes",
        "deals": "name value currency probability expected_close_date stage_name pipeline_name contact_email"
        " company_name notes",
        "activities": "activity_type subject body scheduled_at completed_at status priority due_date contact_email"
        " company_name deal_name",
    }


def test_a_csv_export_is_exact(api):
    api.import_csv("companies", 'name,annual_revenue,tags,notes\n"A ""quoted"", Inc",1234.5,"b,a","x\ny"\nB,,,\n')
    response = api.get("companies/export")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="companies.csv"'
    assert response.getvalue().decode() == (
        "name,domain,industry,description,employee_count,annual_revenue,phone,website,address,city,state,country,"
        "postal_code,tags,notes\r\n"
        '"A ""quoted"", Inc",,,,,1234.50,,,,,,,,"b,a","x\ny"\r\n'
        "B,,,,,,,,,,,,,,\r\n"
    )


def test_rows_are_in_the_order_of_their_ids_and_of_one_tenant(api, other_api):
    for number in range(3):
        other_api.import_csv("companies", f"name\nother {number}\n")
        api.import_csv("companies", f"name\n{9 - number}\n")
    assert [row["name"] for row in api.rows("companies")] == ["9", "8", "7"]


def test_the_round_trip_of_every_entity_is_exact(tenant):
    create_demo_records(tenant)
    twin = create_tenant(slug="twin", name="Twin")
    for entity in ENTITIES:
        original = exported(tenant, entity)
        report = services.import_file(new_run(entity, twin), io.BytesIO(original))
        assert list(report.messages) == []
        assert exported(twin, entity) == original


# --- byte-order mark ----------------------------------------------------------------------------------------

MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_byte_order_mark_is_all_that_it_adds(tenant, entity):
    create_demo_records(tenant)
    assert exported(tenant, entity, bom=True) == MARK + exported(tenant, entity)
    assert services.template_file(entity, bom=True) == MARK + services.template_file(entity)


def test_an_export_with_a_byte_order_mark_makes_the_round_trip_byte_for_byte(tenant):
    create_demo_records(tenant)
    twin = create_tenant(slug="twin", name="Twin")
    for entity in ENTITIES:
        original = exported(tenant, entity, bom=True)
        report = services.import_file(new_run(entity, twin), io.BytesIO(original))
        assert list(report.messages) == []
        assert exported(twin, entity, bom=True) == original


def test_a_workbook_has_no_byte_order_mark(tenant):
    with pytest.raises(ValueError, match="Only a CSV file"):
        services.export_file("companies", tenant=tenant, format="xlsx", bom=True)


# --- any text -----------------------------------------------------------------------------------------------

CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n\t'=+-@\"")
    | st.sampled_from("'=+-@\t\n\r 0123456789.()"),
    max_size=12,
)
NAMES = itertools.count()


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_the_round_trip_of_any_text_is_exact(tenant, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["name", "city", "notes", "tags"])
    writer.writerows([f"{next(NAMES)} {a}", a[:9], b, c] for a, b, c in rows)
    first, second = (create_tenant(slug=f"t{next(NAMES)}", name="T") for _ in range(2))
    services.import_file(new_run("companies", first), io.BytesIO(text.getvalue().encode()))
    original = exported(first, "companies")
    report = services.import_file(new_run("companies", second), io.BytesIO(original))
    assert list(report.messages) == []
    assert exported(second, "companies") == original
    values = [
        list(Company.objects.filter(tenant=t).values_list("name", "city", "notes", "tags")) for t in (first, second)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("'=x", "''=x"),
        ("''=x", "'''=x"),
        ("'+5", "''+5"),
        ("+49 (30) 123-45.6", "+49 (30) 123-45.6"),
        ("+", "'+"),
        ("+ ()", "'+ ()"),
        ("-5", "-5"),
        ("+5.25", "+5.25"),
        ("-5.", "'-5."),
        ("--5", "'--5"),
        ("+1 2x", "'+1 2x"),
        ("-1 2", "'-1 2"),
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        ("=\nx", "'=\nx"),
    ],
)
def test_formulas_are_marked_and_numbers_and_phones_are_not(tenant, text, shown):
    Company.objects.create(tenant=tenant, name="A", city=text, tags=[text])
    (row,) = csv.DictReader(io.StringIO(exported(tenant, "companies").decode(), newline=""))
    assert (row["city"], row["tags"]) == (shown, shown)
    assert formula.mark(text) == shown
    assert formula.unmark(shown) == text


DELIMITED = ["x;=1+1", "x\t=1+1", "x,=1+1"]


@pytest.mark.parametrize("entity", ENTITIES)
def test_texts_with_a_delimiter_of_any_dialect_are_in_quotes_and_come_back(tenant, entity):
    create_demo_records(tenant)
    twin = create_tenant(slug="twin", name="Twin")
    resource = RESOURCES[entity]
    text, name = ("body", "subject") if entity == "activities" else ("notes", resource.required_names()[0])
    for record, value in zip(resource._meta.model.objects.order_by("id"), DELIMITED, strict=False):
        type(record).objects.filter(pk=record.pk).update(**{text: value, name: f"{record.pk};a"})
    for other in ENTITIES:
        assert not services.import_file(new_run(other, twin), io.BytesIO(exported(tenant, other))).skipped
    content = exported(tenant, entity)
    assert [content.count(f',"{value}"'.encode()) for value in DELIMITED] == [1, 1, 1]
    assert content.count(b';a"') == 3
    assert exported(twin, entity) == content


def test_an_export_for_another_program_has_texts_with_a_delimiter_in_quotes(api):
    api.import_csv("companies", 'name,city\nA,"x;=1+1"\n')
    assert '"x;=1+1"' in api.get("companies/export?headers=hubspot").getvalue().decode()


def test_a_referenced_name_is_marked_too(api):
    api.import_csv("companies", "name\n'=Evil\n")
    api.import_csv("contacts", one_row("contacts", company_name="'=evil"))
    assert api.rows("contacts")[0]["company_name"] == "'=Evil"


def test_an_export_as_a_dataset_has_the_same_content(tenant):
    create_demo_records(tenant)
    for entity, resource in RESOURCES.items():
        dataset = resource(tenant).export()
        assert dataset.csv == exported(tenant, entity).decode()


def test_a_dataset_can_be_imported(tenant):
    import tablib

    dataset = tablib.Dataset(["Acme", "5"], ["acme", None], [None, "1"], headers=["name", "employee_count"])
    result = RESOURCES["companies"](tenant).import_data(dataset)
    assert (result.totals["new"], result.totals["skip"], result.has_errors()) == (1, 2, False)
    assert list(result.messages) == [
        "Row 3: Duplicate company with name 'acme'",
        "Row 4: Required field 'name' is empty",
    ]


def test_a_dry_run_stores_nothing_and_reports_the_same(tenant):
    content = b"name\nAcme\nacme\n"
    dry = services.import_file(new_run("companies", tenant), io.BytesIO(content), dry_run=True)
    assert not Company.objects.exists()
    wet = services.import_file(new_run("companies", tenant), io.BytesIO(content))
    assert b"".join(dry.json_chunks()) == b"".join(wet.json_chunks())


# --- XLSX ---------------------------------------------------------------------------------------------------


def workbook(api, entity):
    response = api.get(f"{entity}/export/excel")
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="{entity}.xlsx"'
    assert response["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return response.getvalue()


def cells(data):
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_numbers_and_dates_are_typed_cells(api):
    api.import_csv("deals", "name,value,probability,expected_close_date\n=1+1,1234.5,40,2025-06-15\n")
    data = workbook(api, "deals")
    (header, row) = cells(data)
    found = dict(zip(header, row, strict=True))
    assert (found["name"], found["value"], found["probability"]) == ("=1+1", 1234.5, 40)
    assert found["expected_close_date"] == dt.datetime(2025, 6, 15)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert [sheet.cell(2, i).data_type for i in (1, 2, 4, 5)] == ["s", "n", "n", "d"]
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1][4] == dt.date(
        2025, 6, 15
    )


def test_times_are_in_utc(api):
    api.import_csv("activities", one_row("activities", scheduled_at="2025-06-15T16:30:15+02:00", due_date="1800-01-01"))
    (header, row) = cells(workbook(api, "activities"))
    found = dict(zip(header, row, strict=True))
    assert found["scheduled_at"] == dt.datetime(2025, 6, 15, 14, 30, 15)
    assert found["due_date"] == "1800-01-01"


def test_text_is_always_text(api):
    texts = ["=1+1", "007", "<&>\"'", "a\nb\tc", "_x0041_", "1e5", "TRUE", "back\\slash", "\\N", "😀 東京"]
    for number, text in enumerate(texts):
        Company.objects.create(tenant=api.tenant, name=f"{number}", city=text)
    data = workbook(api, "companies")
    city = RESOURCES["companies"].column_names().index("city")
    read = [row[city] for row in cells(data)[1:]]
    assert [text.replace("_x005F_", "_") for text in read] == texts


def test_an_empty_workbook_has_its_header(api):
    assert cells(workbook(api, "contacts")) == [RESOURCES["contacts"].column_names()]


def test_the_workbook_has_the_same_content_as_the_csv(tenant):
    create_demo_records(tenant)
    for entity in ENTITIES:
        rows = list(csv.reader(io.StringIO(exported(tenant, entity).decode(), newline="")))
        data = b"".join(services.export_file(entity, tenant=tenant, format="xlsx"))
        texts = [i for i, column in enumerate(RESOURCES[entity](tenant).columns) if column.widget.kind == "text"]
        found = cells(data)
        assert len(found) == len(rows)
        assert [[row[i] or "" for i in texts] for row in found] == [
            [formula.unmark(row[i]) for i in texts] for row in rows
        ]
