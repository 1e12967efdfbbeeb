"""Permission to import and export, and to see the upload and rejected rows of a run."""

from typing import Any

from django.conf import settings

from crm.access import Access
from importexport.models import ImportRun

#: Django's permission codes → the required property of ``crm.access.Access``.
ABILITIES = {"view": "can_view", "add": "can_edit", "change": "can_edit", "delete": "can_edit"}


def may_import(access: Access) -> bool:
    """Whether the role includes IMPORT_EXPORT_IMPORT_PERMISSION_CODE."""
    return getattr(access, ABILITIES[settings.IMPORT_EXPORT_IMPORT_PERMISSION_CODE])


def may_export(access: Access) -> bool:
    """Whether the role includes IMPORT_EXPORT_EXPORT_PERMISSION_CODE."""
    return getattr(access, ABILITIES[settings.IMPORT_EXPORT_EXPORT_PERMISSION_CODE])


def may_open(run: ImportRun, *, user: Any, access: Access) -> bool:
    """Whether a user may see a run's upload and rejected rows: its uploader and the tenant's admins may."""
    if access.tenant is not None and access.tenant.pk != run.tenant_id:
        return False
    return access.can_manage or (run.user_id is not None and run.user_id == user.pk)


def may_decide(run: ImportRun, user: Any, access: Access) -> bool:
    """Whether a user may match, confirm, change and discard a run: they may import and see its rows."""
    return may_import(access) and may_open(run, user=user, access=access)
