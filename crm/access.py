"""Who may see and touch what in the admin: one tenant and one role a request."""

from dataclasses import dataclass

from django.http import HttpRequest

from crm.models import Membership, Tenant

#: Where a superuser's choice of tenant is kept in the session.
SESSION_KEY = "rally_tenant"
Role = Membership.Role


@dataclass(frozen=True)
class Access:
    """What a signed-in user may reach: the records of ``tenant``, or of all tenants where it is None."""

    tenant: Tenant | None = None
    role: str = ""
    is_superuser: bool = False

    @property
    def can_view(self) -> bool:
        """Whether records are shown at all."""
        return bool(self.role)

    @property
    def can_edit(self) -> bool:
        """Whether records may be added, changed, deleted and imported."""
        return self.role in {Role.EDITOR, Role.ADMIN}

    @property
    def can_manage(self) -> bool:
        """Whether keys, people and pipelines may be managed."""
        return self.role == Role.ADMIN


def access_of(request: HttpRequest) -> Access:
    """Return what the request's user may reach, looked up once a request.

    A superuser is an admin of the tenant that they picked, or of all; staff of their membership's tenant; anybody
    else reaches nothing.
    """
    user = getattr(request, "user", None)
    known = getattr(request, "rally_access", None)
    # Who signs in is somebody else at the end of the request.
    if known is None or known[0] != getattr(user, "pk", None):
        known = request.rally_access = (getattr(user, "pk", None), _look_up(request))  # type: ignore[attr-defined]
    return known[1]


def access_known(request: HttpRequest) -> Access | None:
    """Return what ``access_of`` has found out for a request, or None if nobody has asked yet."""
    known = getattr(request, "rally_access", None)
    return known and known[1]


def pick_tenant(request: HttpRequest, tenant: Tenant | None) -> None:
    """Keep a superuser's choice for the session; None is all tenants."""
    request.session[SESSION_KEY] = tenant.pk if tenant else None
    request.__dict__.pop("rally_access", None)


def _look_up(request: HttpRequest) -> Access:
    user = getattr(request, "user", None)
    if user is None or not user.is_active or not user.is_staff:
        return Access()
    if user.is_superuser:
        picked = request.session.get(SESSION_KEY)
        tenant = Tenant.objects.filter(pk=picked).first() if picked else None
        return Access(tenant, Role.ADMIN, is_superuser=True)
    membership = Membership.objects.select_related("tenant").filter(user=user).first()
    return Access(membership.tenant, membership.role) if membership else Access()
