"""django-import-export's own admin with our resources."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from import_export.formats.base_formats import DEFAULT_FORMATS
from import_export.signals import post_export, post_import

from crm.models import Contact
from crm.models.tenant import create_tenant
from importexport import services
from importexport.resources import RESOURCES

FORMATS = [kind().get_title() for kind in DEFAULT_FORMATS]
HEADER = "first_name,last_name,email\r\n"


@pytest.fixture
def signals():
    told = []
    imported = lambda model, **_: told.append(("import", model))  # noqa: E731 - signals hold receivers weakly
    exported = lambda model, **_: told.append(("export", model))  # noqa: E731
    post_import.connect(imported)
    post_export.connect(exported)
    yield told
    post_import.disconnect(imported)
    post_export.disconnect(exported)


# --- the library's own pages --------------------------------------------------------------------------------


class PlainAdmin:
    """A user of a plain ImportExportModelAdmin."""

    def __init__(self, staff):
        staff.pick(staff.tenant)
        self.client = staff.client

    def upload(self, content, *, name="people.csv"):
        data = {"format": FORMATS.index("csv"), "import_file": SimpleUploadedFile(name, content.encode())}
        response = self.client.post(reverse("admin:crm_contact_import"), data)
        assert response.status_code == 200
        return response

    def confirm(self, response):
        form = response.context["confirm_form"]
        return self.client.post(reverse("admin:crm_contact_process_import"), form.initial, follow=True)


@pytest.fixture
def plain(root, settings):
    settings.ROOT_URLCONF = "tests.importexport.admin.plain_admin"
    return PlainAdmin(root)


def preview_of(response):
    """Return the rows of the preview, with the outcome and the text of the cells."""
    table = response.content.decode().partition('class="import-preview"')[2].partition("</table>")[0]
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', table, re.DOTALL)
    return [(kind, [html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in cells(row)]) for kind, row in rows]


def cells(row):
    return re.findall(r"<td>(.*?)</td>", row, re.DOTALL)


def test_the_form_lists_our_columns(plain):
    response = plain.client.get(reverse("admin:crm_contact_import"))
    assert ", ".join(RESOURCES["contacts"].column_names()) in response.content.decode()


def test_the_preview_shows_the_rows_and_the_confirmation_stores_them(plain, tenant, signals):
    content = HEADER + "Ada,Lovelace,ada@example.com\r\nAlan,Turing,nobody\r\nGrace,Hopper,grace@example.com\r\n"
    response = plain.upload(content)
    shown = preview_of(response)
    assert [(kind, cells[:3]) for kind, cells in shown] == [
        ("new", ["Ada", "Lovelace", "ada@example.com"]),
        ("skip", ["Alan", "Turing", "nobody Invalid email format 'nobody'"]),
        ("new", ["Grace", "Hopper", "grace@example.com"]),
    ]
    assert not Contact.objects.exists()
    assert signals == []
    response = plain.confirm(response)
    assert "Import finished: 2 new, 0 updated, 0 deleted and 1 skipped contacts." in response.content.decode()
    assert list(Contact.objects.values_list("tenant", "email")) == [
        (tenant.pk, "ada@example.com"),
        (tenant.pk, "grace@example.com"),
    ]
    assert signals == [("import", Contact)]


def test_the_library_logs_what_was_imported(plain, tenant):
    plain.confirm(plain.upload(HEADER + "Ada,Lovelace,ada@example.com\r\n"))
    plain.confirm(plain.upload(HEADER + "Ada,King,ada@example.com\r\n"))
    contact = Contact.objects.get()
    assert [(entry.action_flag, entry.object_id) for entry in LogEntry.objects.order_by("id")] == [
        (1, str(contact.pk)),
        (2, str(contact.pk)),
    ]


def test_the_preview_shows_what_changes(plain, tenant):
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="King", email="ada@example.com")
    response = plain.upload(HEADER + "Ada,Lovelace,ada@example.com\r\n")
    assert '<del style="background:#ffe6e6;">King</del>' in response.content.decode()
    assert [kind for kind, _ in preview_of(response)] == ["update"]
    plain.confirm(response)
    assert Contact.objects.get().last_name == "Lovelace"


def test_a_cell_is_shown_as_text(plain):
    response = plain.upload(HEADER + "<script>alert(1)</script>,x,nobody\r\n<i>,x,ada@example.com\r\n")
    assert "<script>alert(1)" not in response.content.decode()
    assert "<i>" not in response.content.decode().partition("import-preview")[2]


def test_a_file_without_required_columns_cannot_be_confirmed(plain):
    response = plain.upload("first_name\r\nAda\r\n")
    assert "Required column &#x27;email&#x27; missing from the header." in response.content.decode()
    assert "confirm_form" not in response.context


def test_the_library_exports_our_file(plain, tenant, signals):
    Contact.objects.create(tenant=tenant, first_name="=1+1", last_name="Lovelace", email="ada@example.com")
    stranger = create_tenant(slug="globex", name="Globex")
    Contact.objects.create(tenant=stranger, first_name="Not", last_name="Mine", email="no@example.com")
    chosen = {f"contactresource_{name}": "on" for name in RESOURCES["contacts"].column_names()}
    data = {"format": FORMATS.index("csv"), "resource": "0"} | chosen
    response = plain.client.post(reverse("admin:crm_contact_export"), data)
    assert signals == [("export", Contact)]
    assert response.content == b"".join(services.export_file("contacts", tenant=tenant))


def test_a_missing_tenant_is_an_error(root, settings):
    settings.ROOT_URLCONF = "tests.importexport.admin.plain_admin"
    data = {
        "format": FORMATS.index("csv"),
        "import_file": SimpleUploadedFile("people.csv", (HEADER + "A,B,a@example.com").encode()),
    }
    with pytest.raises(ImproperlyConfigured, match=r"ContactResource has no tenant.*get_import_resource_kwargs"):
        root.client.post(reverse("admin:crm_contact_import"), data)
