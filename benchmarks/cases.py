"""The measured cases. Each runs in a new process: ``python -m benchmarks.cases CASE ARGUMENT…``."""

import csv
import io
import json
import sys
import time
import zipfile

import django

from benchmarks.measure import Timer

SLUG = "bench"
COMPANIES, EXISTING = 1000, 5000
COLUMNS = [
    "tenant_id",
    "first_name",
    "last_name",
    "email",
    "email_key",
    "phone",
    "mobile",
    "title",
    "department",
    "company_id",
    "address",
    "city",
    "state",
    "country",
    "postal_code",
    "lifecycle_stage",
    "lead_source",
    "tags",
    "notes",
]


def tenant():
    from crm.models import Tenant

    return Tenant.objects.get(slug=SLUG)


def prepare():
    """Create the tenant with 1,000 companies."""
    from benchmarks import gen
    from crm.models import Company
    from crm.models.tenant import create_tenant

    owner = create_tenant(slug=SLUG, name="Bench")
    Company.objects.bulk_create(Company(tenant=owner, name=gen.company_name(i)) for i in range(COMPANIES))


def prepare_peer():
    from django.db import connection

    from benchmarks import gen
    from benchmarks.peer import models

    with connection.schema_editor() as editor:
        for model in (models.Tenant, models.Company, models.Contact, models.Deal, models.Activity):
            editor.create_model(model)
    owner = models.Tenant.objects.create(slug=SLUG)
    models.Company.objects.bulk_create(models.Company(tenant=owner, name=gen.company_name(i)) for i in range(COMPANIES))


def empty():
    """Delete all contacts."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE crm_contact, importexport_skippedrow, importexport_ledgerpage, importexport_rowchange CASCADE"
        )


def reset():
    """Reset both tables of contacts to the 5,000 existing ones."""
    from django.db import connection

    from benchmarks import gen

    emails = [gen.existing_email(i) for i in range(EXISTING)]
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE crm_contact, peer_contact, importexport_skippedrow, importexport_ledgerpage, importexport_rowchange RESTART IDENTITY CASCADE"
        )
        cursor.execute(
            "INSERT INTO crm_contact (tenant_id, first_name, last_name, email, email_key, phone, mobile, title, department,"
            " address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)"
            " SELECT %s, 'F'||i, 'L'||i, e, e, '', '', '', '', '', '', '', '', '', 'lead', '', '{}', ''"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS x(e, i)",
            [tenant().pk, emails],
        )
        cursor.execute(
            "INSERT INTO peer_contact (created_at, updated_at, tenant_id, first_name, last_name, email, phone, mobile,"
            " title, department, address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)"
            " SELECT now(), now(), 1, 'F'||i, 'L'||i, e, '', '', '', '', '', '', '', '', '', 'lead', '', '{}', ''"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS x(e, i)",
            [emails],
        )
        cursor.execute("VACUUM ANALYZE crm_contact, peer_contact, crm_company, peer_company")
        cursor.execute("CHECKPOINT")


def warm_up():
    """Run everything once, so that the loading of code is not measured."""
    from importexport import services
    from importexport.models import ImportRun

    run = ImportRun(tenant=tenant(), entity="contacts", channel="shell")
    services.import_file(run, io.BytesIO(b"first_name,last_name,email\nW,,\n"), dry_run=True)
    for _ in services.template_file("contacts"):
        pass


def import_product(path, source="rally"):
    from importexport import services
    from importexport.engine.options import Options
    from importexport.models import ImportRun

    owner, options = tenant(), Options(source=source)
    warm_up()
    with open(path, "rb") as file, Timer() as timer:
        # Recorded, as in every channel.
        run = ImportRun(
            tenant=owner, entity="contacts", channel="shell", actor="bench", file_name=str(path), options=options.kept()
        )
        report = services.import_file(run, file)
    return timer.report(rows=report.total_rows, imported=report.imported)


def export_both(source, ours, theirs):
    """Write all contacts twice, with the columns that another program has: in our words and in its own."""
    from importexport import services
    from importexport.resources import ContactResource
    from importexport.sources.outgoing import outgoing

    there = {one.column for one in outgoing(source, "contacts")}
    columns = [name for name in ContactResource.column_names() if name in there]
    for path, chosen in ((ours, {"columns": columns}), (theirs, {"headers": source})):
        with open(path, "wb") as file:
            file.writelines(services.export_file("contacts", tenant=tenant(), **chosen))
    return {}


def export_files(plain, book):
    """Write all contacts as CSV and as XLSX."""
    from importexport import services

    for path, file_format in ((plain, "csv"), (book, "xlsx")):
        with open(path, "wb") as file:
            file.writelines(services.export_file("contacts", tenant=tenant(), format=file_format))
    return {}


def older_half(path, out):
    """Write the first half of a file's rows in an earlier version, with another title and no notes."""
    with open(path, newline="", encoding="utf-8") as file, open(out, "w", newline="", encoding="utf-8") as half:
        rows = list(csv.DictReader(file))
        writer = csv.DictWriter(half, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"title": "Before", "notes": ""} for row in rows[: len(rows) // 2])
    return {}


def upsert_product(path):
    """Import with mode=upsert, after ``import_product`` of the older half."""
    from importexport import services
    from importexport.engine.options import Options
    from importexport.models import ImportRun

    owner, options = tenant(), Options(mode="upsert", match_on="email")
    warm_up()
    with open(path, "rb") as file, Timer() as timer:
        run = ImportRun(
            tenant=owner, entity="contacts", channel="shell", actor="bench", file_name="f", options=options.kept()
        )
        report = services.import_file(run, file)
    return timer.report(rows=report.total_rows, created=report.created, updated=report.updated)


def undo_product():
    """Plan and apply an undo of the latest import."""
    from importexport.models import ImportRun
    from importexport.runs import lifecycle

    warm_up()
    run = ImportRun.objects.filter(imported__gt=0).first()
    with Timer() as planning:
        undo = lifecycle.plan_undo(run, channel="shell", actor="bench")
    with Timer() as timer:
        lifecycle.apply_now(undo)
    return timer.report(planning=planning.report()["wall"], counts=undo.counts)


def update_peer(older, path, limit):
    """Update with django-import-export: look-up by e-mail, comparison and save. Half of the rows exist."""
    import tablib
    from import_export.resources import Resource

    from benchmarks.peer import models, resources

    owner = models.Tenant.objects.get()

    class Update(resources.ContactStock):
        skip_row = Resource.skip_row

        class Meta(resources.ContactStock.Meta):
            skip_unchanged = True

    def rows_of(name, count):
        with open(name, newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            data = tablib.Dataset(headers=next(lines))
            for row, _ in zip(lines, range(count), strict=False):
                data.append(row)
        return data

    resources.ContactStock(owner).import_data(rows_of(older, int(limit) // 2))
    data = rows_of(path, int(limit))
    with Timer() as timer:
        result = Update(owner).import_data(data)
    return timer.report(rows=len(data), updated=result.totals["update"], created=result.totals["new"])


def import_peer(path, resource, limit):
    """Import with django-import-export, stock (with our rules) or tuned."""
    import tablib

    from benchmarks.peer import models, resources

    owner = models.Tenant.objects.get()
    with Timer() as timer:
        with open(path, newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            if int(limit):
                data = tablib.Dataset(headers=next(lines))
                for row, _ in zip(lines, range(int(limit)), strict=False):
                    data.append(row)
            else:
                data = tablib.Dataset().load(file.read(), format="csv")
        getattr(resources, resource)(owner).import_data(data)
    return timer.report(rows=len(data), imported=models.Contact.objects.count() - EXISTING)


def ready_rows(path):
    """Write the rows stored by the last import in COPY format."""
    from django.db import connection

    with connection.cursor() as cursor, open(path, "wb") as file:
        query = f"SELECT {', '.join(COLUMNS)} FROM crm_contact WHERE id > {EXISTING} ORDER BY id"
        with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            file.writelines(copy)
    return {}


def copy_in(path):
    """COPY prepared rows directly into the product's table, with its indexes and constraints but no validation."""
    from django.db import connection, transaction

    connection.ensure_connection()
    with open(path, "rb") as file, Timer() as timer, transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy(f"COPY crm_contact ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            while data := file.read(1 << 18):
                copy.write(data)
    return timer.report()


def export_product(file_format):
    from importexport import services

    owner = tenant()
    for file in ("csv", "xlsx"):
        next(services.export_file("companies", tenant=owner, format=file))
    size = 0
    with Timer() as timer:
        for chunk in services.export_file("contacts", tenant=owner, format=file_format):
            size += len(chunk)
    return timer.report(size=size)


PLAIN = """SELECT c.first_name, c.last_name, c.email, c.phone, c.mobile, c.title, c.department, k.name, c.address, c.city,
    c.state, c.country, c.postal_code, c.lifecycle_stage, c.lead_source, array_to_string(c.tags, ','), c.notes
    FROM crm_contact c LEFT JOIN crm_company k ON k.id = c.company_id WHERE c.tenant_id = {} ORDER BY c.id"""


def copy_out():
    """Read the same columns by COPY TO and discard them, without marking formulas or converting line ends."""
    from django.db import connection

    owner = tenant()
    size = 0
    with Timer() as timer, connection.cursor() as cursor:
        with cursor.copy(f"COPY ({PLAIN.format(owner.pk)}) TO STDOUT (FORMAT csv)") as copy:
            for data in copy:
                size += len(data)
    return timer.report(size=size)


# --- XLSX: the minimal writer and openpyxl write the same cells, read from the CSV file---------------------------

OPEN = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
CELL = '<c t="inlineStr"><is><t xml:space="preserve">'
JOIN = "</t></is></c>" + CELL


def floor_xml(rows):
    yield OPEN
    buffer = []
    for row in rows:
        text = "\0".join(row)
        if "&" in text or "<" in text or ">" in text or not text.isprintable():
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
        buffer.append(f"<row>{CELL}{text.replace(chr(0), JOIN)}</t></is></c></row>")
        if len(buffer) == 500:
            yield "".join(buffer).replace(CELL + "</t></is></c>", "<c/>")
            buffer.clear()
    yield "".join(buffer).replace(CELL + "</t></is></c>", "<c/>") + "</sheetData></worksheet>"


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.reader(file)


def xlsx_floor(path, out):
    """Write a minimal workbook: inline strings, no styles, zlib's default level 6."""
    with Timer() as timer, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for text in floor_xml(rows_of(path)):
                sheet.write(text.encode())
    return timer.report()


def xlsx_openpyxl(path, out):
    """Write a workbook with openpyxl in write-only mode, with lxml."""
    from openpyxl import LXML, Workbook

    assert LXML
    with Timer() as timer:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("contacts")
        for row in rows_of(path):
            sheet.append(row)
        book.save(out)
    return timer.report()


if __name__ == "__main__":
    django.setup()
    from django.db import connection

    connection.ensure_connection()
    time.sleep(0)
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:]) or {}))
