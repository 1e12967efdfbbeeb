"""Who may open a run's upload and rejected rows."""

from typing import Any

from crm.access import Access
from importexport.models import ImportRun


def may_open(run: ImportRun, *, user: Any, access: Access) -> bool:
    """Whether a user may see a run's upload and rejected rows: who brought them, and the tenant's admins."""
    if access.tenant is not None and access.tenant.pk != run.tenant_id:
        return False
    return access.can_manage or (run.user_id is not None and run.user_id == user.pk)
