"""Sets up the demo tenant for the README's screenshots. Runs inside manage.py."""

import datetime as dt
import io
import itertools
import random
from collections.abc import Iterator

USER, PASSWORD = "maria", "only for the pictures"
#: Earlier imports: days ago, channel, user or key, number of valid rows and number of invalid rows.
HISTORY = [
    (27, "api", "Website form", 24, 0), (26, "api", "Website form", 18, 1), (24, "admin", USER, 41, 6),
    (21, "shell", "nightly", 30, 0), (20, "api", "Website form", 22, 0), (20, "admin", USER, 35, 9),
    (17, "api", "Website form", 19, 0), (13, "shell", "nightly", 44, 2), (13, "api", "Website form", 16, 0),
    (13, "admin", USER, 28, 3), (10, "api", "Website form", 25, 0), (9, "shell", "nightly", 31, 0),
    (6, "api", "Website form", 21, 0), (5, "admin", USER, 52, 4), (2, "api", "Website form", 17, 0),
]  # fmt: skip
HEADER = "first_name,last_name,email,phone,company_name,lifecycle_stage\n"
BAD = "Lead,,nobody,,Acme,\n"
FIRST = "Amara Noah Ines Mateo Yuki Lena Omar Freya Ravi Chloé Jonas Zofia".split()  # noqa: SIM905 - one line
LAST = "Bauer Rossi Kowalska Silva Tanaka Haddad Lindqvist Moreau Patel Novák Reyes Brandt Okoye".split()  # noqa: SIM905
STAGES = ["lead", "qualified", "opportunity", "customer"]


def set_stage() -> None:
    """Add a user and a month of imports to the demo tenant."""
    from django.contrib.auth import get_user_model

    from crm.models import Membership, Tenant

    tenant = Tenant.objects.get(slug="demo")
    user = get_user_model().objects.create_user(USER, password=PASSWORD, is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=Membership.Role.ADMIN)
    people = _contacts()
    for number, entry in enumerate(HISTORY):
        _import(tenant, people, number, *entry)


def _contacts() -> Iterator[str]:
    """Yield rows of distinct people."""
    from crm.demo import NAMES, SUFFIXES

    chance = random.Random(1)
    for number in itertools.count(1):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        company = f"{chance.choice(NAMES)} {chance.choice(SUFFIXES)}"
        phone = f"+1 555 {chance.randrange(1000000, 9999999)}"
        yield f"{first},{last},{last[:3].lower()}{number}@example.com,{phone},{company},{chance.choice(STAGES)}\n"


def _import(
    tenant, people: Iterator[str], number: int, days: int, channel: str, actor: str, good: int, bad: int
) -> None:
    from django.utils import timezone

    from importexport import services
    from importexport.models import ImportRun

    rows = [*itertools.islice(people, good), *[BAD] * bad]
    run = ImportRun(tenant=tenant, entity="contacts", channel=channel, actor=actor, file_name=f"leads-{number + 1}.csv")
    services.import_file(run, io.BytesIO((HEADER + "".join(rows)).encode()))
    ImportRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
