"""Admin access control: each request has one tenant and one role."""

from dataclasses import dataclass

from django.http import HttpRequest

from crm.models import Membership, Tenant

#: Session key for the tenant that a superuser has chosen.
SESSION_KEY = "rally_tenant"
Role = Membership.Role


@dataclass(frozen=True)
class Access:
    """The permissions of a signed-in user, for the records of ``tenant`` or, where it is None, of all tenants."""

    tenant: Tenant | None = None
    role: str = ""
    is_superuser: bool = False

    @property
    def can_view(self) -> bool:
        """Whether the user may see records."""
        return bool(self.role)

    @property
    def can_edit(self) -> bool:
        """Whether the user may add, change, delete and import records."""
        return self.role in {Role.EDITOR, Role.ADMIN}

    @property
    def can_manage(self) -> bool:
        """Whether the user may manage API keys, members and pipelines."""
        return self.role == Role.ADMIN


def access_of(request: HttpRequest) -> Access:
    """Return the access of the request's user, looked up once per request.

    A superuser is an admin of the tenant they chose, or of all tenants. Staff have the role of their membership.
    Everybody else has no access.
    """
    user = getattr(request, "user", None)
    known = getattr(request, "rally_access", None)
    # The user changes during a request that signs in or out.
    if known is None or known[0] != getattr(user, "pk", None):
        known = request.rally_access = (getattr(user, "pk", None), _look_up(request))  # type: ignore[attr-defined]
    return known[1]


def access_known(request: HttpRequest) -> Access | None:
    """Return the result of ``access_of`` if this request has called it already, else None. Makes no query."""
    known = getattr(request, "rally_access", None)
    return known and known[1]


def pick_tenant(request: HttpRequest, tenant: Tenant | None) -> None:
    """Store a superuser's choice of tenant in the session; None means all tenants."""
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
