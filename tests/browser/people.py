"""The users of the browser tests and their tenants.

`fill` runs inside the installation, in `manage.py shell`. Everything else is for the tests.
"""

from dataclasses import dataclass

PASSWORD = "a perfectly fine horse"
#: How many tenants wait, empty, for a test that wants one to itself.
WORKSHOPS = 24
#: How many companies, deals and activities acme has.
ROWS = 12


@dataclass(frozen=True)
class Staff:
    """A user: user name, and slug of the tenant and role unless it is a superuser."""

    username: str
    tenant: str = ""
    role: str = ""


VIEWER = Staff("vera", "acme", "viewer")
EDITOR = Staff("emil", "acme", "editor")
ADMIN = Staff("ada", "acme", "admin")
SUPERUSER = Staff("root")
#: The one whose tenant's names are full of markup.
MARKED_UP = Staff("mark", "markup", "admin")
#: Each is the editor of an empty tenant.
CRAFTSPEOPLE = [Staff(f"craftsperson{number}", f"workshop{number}", "editor") for number in range(WORKSHOPS)]
EVERYBODY = [VIEWER, EDITOR, ADMIN, SUPERUSER, MARKED_UP, *CRAFTSPEOPLE]

SECRET_CONTACT = "Ksenia Hiddenova"
SECRET_COMPANY = "Globex Secret Works"
SECRET_DEAL = "Globex secret deal"
IMAGE, SCRIPT = "<img src=x onerror=alert(1)>", '"><script>alert(2)</script>'
#: What Alpine and Django would make of it, were it ever taken for a template.
BRACES = "{{ 7*7 }}${7*7}"


def fill() -> None:
    """Create the tenants with their users and records."""
    from django.contrib.auth.hashers import make_password

    from crm.demo import create_demo_records
    from crm.models.tenant import create_tenant

    names = {"acme": "Acme Inc", "globex": "Globex", "markup": f"{IMAGE} & {SCRIPT}"[:200]}
    # A single hash, because hashing is slow by design.
    password = make_password(PASSWORD)
    for staff in EVERYBODY:
        if staff.tenant:
            names.setdefault(staff.tenant, staff.tenant.title())
    tenants = {slug: create_tenant(slug=slug, name=name) for slug, name in names.items()}
    _hire(tenants, password)
    create_demo_records(tenants["acme"])
    _keep_few(tenants["acme"])
    _make_secrets(tenants["globex"])
    _make_marked_up(tenants["markup"])


def _hire(tenants, password) -> None:
    from django.contrib.auth import get_user_model

    from crm.models import Membership

    users = get_user_model().objects
    for staff in EVERYBODY:
        user = users.create(username=staff.username, password=password, is_staff=True, is_superuser=staff is SUPERUSER)
        if staff.tenant:
            Membership.objects.create(user=user, tenant=tenants[staff.tenant], role=staff.role)


def _keep_few(tenant) -> None:
    """Leave one list of more than a page, the contacts. Others are short: each row is drawn and checked many times."""
    from crm.models import Activity, Company, Deal

    for model in (Activity, Deal, Company):
        kept = model.objects.filter(tenant=tenant).order_by("pk").values("pk")[:ROWS]
        model.objects.filter(tenant=tenant).exclude(pk__in=kept).delete()


def _make_secrets(tenant) -> None:
    from crm.models import Company, Contact, Deal, Stage

    company = Company.objects.create(tenant=tenant, name=SECRET_COMPANY)
    first, last = SECRET_CONTACT.split()
    contact = Contact.objects.create(
        tenant=tenant, first_name=first, last_name=last, email="ksenia@globex.example", company=company
    )
    stage = Stage.objects.select_related("pipeline").filter(tenant=tenant).first()
    Deal.objects.create(
        tenant=tenant, name=SECRET_DEAL, value=1234, currency="USD", probability=10, stage=stage,
        pipeline=stage.pipeline, contact=contact, company=company,
    )  # fmt: skip


def _make_marked_up(tenant) -> None:
    from django.utils import timezone

    from crm.models import Activity, Company, Contact, Deal, Stage
    from crm.models.api_key import create_api_key
    from importexport.models import Schedule

    Stage.objects.filter(tenant=tenant, name="Lead").update(name=f"{IMAGE} {BRACES}", name_key="marked up")
    stage = Stage.objects.select_related("pipeline").get(tenant=tenant, name_key="marked up")
    for number, text in enumerate((f"{IMAGE} {BRACES}", f"{SCRIPT} {BRACES}")):
        company = Company.objects.create(
            tenant=tenant, name=text, domain=f"d{number}.example", website="javascript:alert(3)", tags=[SCRIPT]
        )
        contact = Contact.objects.create(
            tenant=tenant, first_name=text, last_name=text, email=f"c{number}@example.com", company=company,
            title=text, phone='"onmouseover="alert(4)', tags=[SCRIPT], notes=text,
        )  # fmt: skip
        deal = Deal.objects.create(
            tenant=tenant, name=text, value=1000, currency="USD", probability=10, stage=stage,
            pipeline=stage.pipeline, contact=contact, company=company,
        )  # fmt: skip
        Activity.objects.create(
            tenant=tenant, activity_type="call", subject=text, body=text, contact=contact, company=company, deal=deal
        )
        create_api_key(tenant=tenant, name=text)
        Schedule.objects.create(
            tenant=tenant, name=text, kind="import", entity="contacts", cron="0 6 * * *", note=text,
            address=f"https://files.example.com/{text}", last_at=timezone.now(),
        )  # fmt: skip
