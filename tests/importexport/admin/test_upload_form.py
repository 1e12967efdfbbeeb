"""The upload form: buttons, help, and errors before a file is stored."""

import pytest
from django.test import Client
from django.urls import reverse

from importexport.engine.options import values_of
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.staff import HEADER, MIXED, Staff, finished, words_of

MODELS = {"contacts": "contact", "companies": "company", "deals": "deal", "activities": "activity"}


@pytest.mark.parametrize("model", MODELS.values())
def test_a_list_has_the_buttons(editor, model):
    response = editor.get(f"crm_{model}_changelist").content.decode()
    assert f'href="/admin/crm/{model}/import/"' in response
    assert f'href="/admin/crm/{model}/export/"' in response


def test_a_viewer_can_export_but_not_import(viewer):
    response = viewer.get("crm_contact_changelist").content.decode()
    assert "/contact/export/" in response
    assert "/contact/import/" not in response
    assert viewer.get("crm_contact_import").status_code == 403
    assert viewer.bring(MIXED).status_code == 403
    assert not ImportRun.objects.exists()


def test_the_list_passes_its_filter_to_the_export(editor):
    response = editor.get("crm_contact_changelist", q="ada").content.decode()
    assert 'href="/admin/crm/contact/export/?list=q%3Dada"' in response


@pytest.mark.parametrize(("entity", "model"), MODELS.items())
def test_the_page_lists_the_required_columns(editor, entity, model):
    words = editor.page(f"crm_{model}_import")
    assert f"Import {entity} from a file" in words
    for name in RESOURCES[entity].required_names():
        assert name in words
    assert "At most 10 MB" in words
    assert "Companies Contacts Deals Activities" in words.replace(" you are here", "")


@pytest.mark.parametrize(("entity", "model"), MODELS.items())
def test_the_template_is_the_header(editor, entity, model):
    response = editor.get(f"crm_{model}_import_template")
    assert response.content.decode() == ",".join(RESOURCES[entity].column_names()) + "\r\n"
    assert response["Content-Disposition"] == f'attachment; filename="{entity}_template.csv"'


@pytest.mark.parametrize(("entity", "model"), MODELS.items())
def test_the_template_for_excel_begins_with_a_byte_order_mark(editor, entity, model):
    address = reverse(f"admin:crm_{model}_import_template")
    for page in ("import", "import_help"):
        assert f'href="{address}?excel=1"' in editor.get(f"crm_{model}_{page}").content.decode()
    plain, marked = (editor.client.get(at).content for at in (address, f"{address}?excel=1"))
    assert marked == b"\xef\xbb\xbf" + plain


@pytest.mark.parametrize(("entity", "model"), MODELS.items())
def test_the_help_describes_every_column(editor, entity, model):
    columns = editor.get(f"crm_{model}_import_help").context["columns"]
    assert [column.name for column in columns] == RESOURCES[entity].column_names()
    assert [column.name for column in columns if column.is_required] == RESOURCES[entity].required_names()


def test_the_help_says_what_a_column_accepts(editor):
    words = editor.page("crm_contact_import_help")
    assert "first_name required text, at most 100 characters Ada" in words
    assert "one of lead , qualified , opportunity , customer , evangelist ; empty: lead" in words
    assert "company_name optional an existing company, by name" in words
    assert "Two contacts are the same when they have the same email." in words


# --- errors ---------------------------------------------------------------------------------------------------


def rejection(response):
    assert "Import contacts from a file" in words_of(response)
    assert not ImportRun.objects.exists()
    return str(response.context["error"])


def test_no_file(editor):
    response = editor.post("crm_contact_import")
    assert rejection(response) == "Choose a file first."
    assert "autofocus" in response.content.decode()


def test_an_empty_file(editor):
    assert rejection(editor.bring("")).startswith("This file is empty.")


def test_a_file_of_another_kind(editor):
    assert "a PDF, not CSV" in rejection(editor.bring(b"%PDF-1.7" + b"x" * 100, name="people.csv"))


def test_a_file_over_the_limit(editor, settings):
    settings.RALLY_IMPORT_MAX_BYTES = 1024
    response = editor.bring(HEADER + "x" * 2000)
    assert rejection(response) == (
        "This file is too large: at most 1\xa0kB can be imported here. Split it into several files."
    )


def test_a_body_far_over_the_limit_is_not_read(editor, settings):
    settings.RALLY_IMPORT_MAX_BYTES = 1024
    response = editor.bring(HEADER + "x" * 100_000)
    assert response.status_code == 413
    assert "too large" in rejection(response)
    assert response.wsgi_request._read_started is False


def test_an_incomplete_body(editor):
    response = editor.client.post(
        reverse("admin:crm_contact_import"), b"--x\r\nContent-Dis", content_type="multipart/form-data; boundary="
    )
    assert response.status_code == 400
    assert "The upload was incomplete" in rejection(response)


def sent_as(editor, disposition):
    """Send a file in a part with some Content-Disposition; return the response."""
    body = f"--x\r\nContent-Disposition: {disposition}\r\n\r\n{HEADER}A,B,a@example.com,\r\n--x--\r\n"
    address = reverse("admin:crm_contact_import")
    return editor.client.post(address, body.encode(), content_type="multipart/form-data; boundary=x")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("form-data; name=\"file\"; filename*=UTF-8''M%C3%BCller.csv", "Müller.csv"),
        ('form-data; name="file"; filename="a.csv"; filename*=UTF-8\'\'%C3%A4.csv', "ä.csv"),
        ('form-data; name="file"; filename*=UTF-8\'\'%C3%A4.csv; filename="a.csv"', "ä.csv"),
        ("form-data; name=\"file\"; filename*=UTF-8''a%00b.csv", "ab.csv"),
    ],
)
def test_an_extended_file_name_is_decoded(editor, disposition, name):
    assert sent_as(editor, disposition).status_code == 302
    assert finished(ImportRun.objects.get()).file_name == name


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("say %22hi%22 100%.csv", 'say "hi" 100%.csv'),
        ("R&amp;D  (1).csv", "R&amp;D  (1).csv"),
        ("at\u202f9\xa0PM\u3000.csv", "at\u202f9\xa0PM\u3000.csv"),
        ("C:\\\\files\\\\a/b\x85\u202ec.csv", "bc.csv"),
    ],
)
def test_a_file_keeps_the_name_that_the_user_gave_it(editor, sent, name):
    assert sent_as(editor, f'form-data; name="file"; filename="{sent}"').status_code == 302
    assert finished(ImportRun.objects.get()).file_name == name


@pytest.mark.parametrize(
    "name",
    [
        "klingon''a.csv", "unicode_escape''%5Cud800.csv", "utf-7''+2AA-.csv", "rot13''a.csv", "undefined''a.csv", "''",
        "UTF-8''a; filename*1*=b",
    ],
)  # fmt: skip
def test_an_invalid_file_name_is_an_error_or_ignored(editor, name):
    response = sent_as(editor, f'form-data; name="file"; filename*={name}')
    assert response.status_code == 302 or rejection(response)


def test_a_form_without_a_csrf_token(editor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor.user)
    response = client.post(reverse("admin:crm_contact_import"), {"file": ""})
    assert response.status_code == 403
    assert not ImportRun.objects.exists()


def test_a_form_with_a_csrf_token_is_accepted(editor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor.user)
    token = str(client.get(reverse("admin:crm_contact_import")).context["csrf_token"])
    response = client.post(reverse("admin:crm_contact_import"), {"csrfmiddlewaretoken": token})
    assert rejection(response) == "Choose a file first."


def test_a_superuser_chooses_a_tenant_first(root, tenant):
    assert "Choose an account first" in root.page("crm_contact_import")
    assert "Choose an account first" in words_of(root.bring(MIXED))
    assert not ImportRun.objects.exists()
    offered = f'<button type="submit" name="tenant" value="{tenant.pk}" class="ie-button">Acme Inc</button>'
    assert offered in root.client.get(reverse("admin:crm_contact_import")).content.decode()
    root.pick(tenant)
    assert root.check(MIXED).tenant == tenant


def test_anonymous_users_cannot_upload(tenant):
    response = Client().post(reverse("admin:crm_contact_import"))
    assert response.status_code == 302
    assert "login" in response.url


def test_an_uploaded_file_is_checked(editor, tenant):
    run = editor.check(MIXED, name="C:\\files\\people.csv")
    assert (run.tenant, run.entity, run.user, run.channel) == (tenant, "contacts", editor.user, "admin")
    assert (run.file_name, run.status) == ("people.csv", "planned")


def test_every_entity_has_its_own_page(editor):
    run = editor.check("name\r\nAcme\r\n", model="company")
    assert (run.entity, run.imported) == ("companies", 1)


def test_a_file_belongs_to_its_users_tenant(stranger, editor):
    assert stranger.check(MIXED).tenant == stranger.tenant
    assert isinstance(editor, Staff)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("contact", ["mode", "blank", "clear_marker", "tags", "missing"]),
        ("company", ["mode", "match_on", "blank", "clear_marker", "tags"]),
        ("deal", ["mode", "blank", "clear_marker", "missing"]),
        ("activity", ["mode", "blank", "clear_marker", "missing"]),
    ],
)
def test_the_form_has_options_with_several_values(editor, model, names):
    assert [field.name for field in editor.get(f"crm_{model}_import").context["option_fields"]] == names


@pytest.mark.parametrize(("entity", "model"), MODELS.items())
def test_the_form_offers_every_value_of_an_option(editor, entity, model):
    for field in editor.get(f"crm_{model}_import").context["option_fields"]:
        if field.limit:
            continue
        values = set(values_of(field.name, RESOURCES[entity].describe())) - {"external_id"}
        assert {choice.value for choice in field.choices} == values
        assert [choice.value for choice in field.choices if choice.is_chosen] == [
            values_of(field.name, RESOURCES[entity].describe())[0]
        ]


def test_the_page_of_deals_says_that_stages_are_created(editor):
    run = editor.check("name,pipeline_name,stage_name\n", model="deal", mode="create", missing="create")
    assert "Companies, pipelines and stages that do not exist yet Create them" in editor.run_page(run)


def test_options_unused_by_the_mode_are_ignored(editor):
    run = editor.check(HEADER + "A,B,a@example.com,\n", mode="create", blank="clear", tags="add", missing="create")
    assert run.options == {"mode": "create", "missing": "create"}


def test_an_unknown_option_is_an_error(editor):
    words = words_of(editor.bring(HEADER + "A,B,a@example.com,\n", mode="merge"))
    assert "Unknown mode 'merge'. Expected one of: create, update, upsert." in words
    assert not ImportRun.objects.exists()


def test_the_options_stay_selected_when_a_file_fails(editor):
    response = editor.bring("", mode="upsert", blank="fill")
    chosen = {field.name: choice.value for field in response.context["option_fields"] for choice in field.choices
              if choice.is_chosen}  # fmt: skip
    assert chosen == {"mode": "upsert", "blank": "fill", "tags": "replace", "missing": "reject"}


def test_a_file_with_only_an_extended_name_is_accepted(editor):
    disposition = "form-data; name=\"file\"; filename*=UTF-8''M%C3%BCller.csv"
    body = f"--b\r\nContent-Disposition: {disposition}\r\nContent-Type: text/csv\r\n\r\n{MIXED}\r\n--b--\r\n"
    address = reverse("admin:crm_contact_import")
    response = editor.client.post(address, body.encode(), content_type="multipart/form-data; boundary=b")
    assert response.status_code == 302
    assert ImportRun.objects.get().file_name == "Müller.csv"
