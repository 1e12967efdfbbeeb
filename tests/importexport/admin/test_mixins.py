"""Our import and export pages use the URLs, permissions and hooks of django-import-export's admin."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import get_commands
from django.test import RequestFactory
from django.urls import reverse
from import_export.admin import ImportExportMixin

from crm.models import Activity, Company, Contact, Deal
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.staff import MIXED, Staff, finished

ADMINS = {Contact: "contacts", Company: "companies", Deal: "deals", Activity: "activities"}


def request_of(staff):
    request = RequestFactory().get("/admin/")
    request.user, request.session = staff.user, staff.client.session
    return request


@pytest.mark.parametrize(("model", "entity"), ADMINS.items())
def test_our_admin_is_an_admin_of_the_library(editor, model, entity):
    ours = admin.site.get_model_admin(model)
    assert isinstance(ours, ImportExportMixin)
    request = request_of(editor)
    assert ours.get_import_resource_classes(request) == ours.get_export_resource_classes(request)
    assert ours.get_import_resource_classes(request) == [RESOURCES[entity]]
    assert ours.get_import_resource_kwargs(request) == {"tenant": editor.tenant}
    assert ours.get_export_resource_kwargs(request) == {"tenant": editor.tenant}


@pytest.mark.parametrize("model", ["contact", "company", "deal", "activity"])
def test_the_urls_have_the_librarys_names(model):
    addresses = [reverse(f"admin:crm_{model}_{page}") for page in ("import", "process_import", "export")]
    assert addresses == [f"/admin/crm/{model}/{page}/" for page in ("import", "process_import", "export")]


@pytest.mark.parametrize(
    ("role", "may_import", "may_export"), [("viewer", False, True), ("editor", True, True), ("admin", True, True)]
)
def test_the_role_determines_who_can_import_and_export(transactional_db, tenant, role, may_import, may_export):
    staff = Staff(tenant, role)
    ours, request = admin.site.get_model_admin(Contact), request_of(staff)
    assert (ours.has_import_permission(request), ours.has_export_permission(request)) == (may_import, may_export)
    page = staff.get("crm_contact_changelist").content.decode()
    assert ('href="/admin/crm/contact/import/"' in page) == may_import
    assert ('href="/admin/crm/contact/export/"' in page) == may_export
    assert staff.get("crm_contact_import").status_code == (200 if may_import else 403)


def test_a_permission_of_django_gives_no_access(viewer):
    viewer.user.user_permissions.set(Permission.objects.filter(codename__endswith="_contact"))
    assert viewer.get("crm_contact_import").status_code == 403


def test_the_required_permissions_can_be_set(viewer, editor, settings):
    ours = admin.site.get_model_admin(Contact)
    settings.IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "view"
    settings.IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "change"
    assert (ours.has_import_permission(request_of(viewer)), ours.has_export_permission(request_of(viewer))) == (
        True,
        False,
    )
    assert ours.has_export_permission(request_of(editor))
    assert viewer.get("crm_contact_import").status_code == 200
    assert viewer.get("crm_contact_export").status_code == 403
    assert viewer.get("crm_contact_export_file").status_code == 403


def test_the_librarys_second_step_confirms_a_checked_file(editor, viewer):
    run = editor.check(MIXED)
    assert viewer.post("crm_contact_process_import", run=run.pk).status_code == 403
    response = editor.post("crm_contact_process_import", run=run.pk)
    assert (response.status_code, response.url) == (302, f"/admin/importexport/importrun/{run.pk}/change/")
    assert finished(run).status == ImportRun.Status.DONE
    assert Contact.objects.get().email == "ada@example.com"


@pytest.mark.parametrize("run", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_the_second_step_without_a_checked_file_is_not_found(editor, run):
    assert editor.post("crm_contact_process_import", run=run).status_code == 404


def test_the_second_step_of_another_entity_is_not_found(editor):
    run = editor.check(MIXED)
    assert editor.post("crm_company_process_import", run=run.pk).status_code == 404


def test_the_second_step_requires_post(editor):
    response = editor.get("crm_contact_process_import")
    assert (response.status_code, response.url) == (302, "/admin/crm/contact/")


def test_our_commands_take_precedence_over_the_librarys():
    assert [get_commands()[name] for name in ("import", "export")] == ["importexport"] * 2
