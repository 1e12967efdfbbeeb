"""What stands on the stage when the README's pictures are taken. Runs inside of manage.py."""

import datetime as dt
import io

USER, PASSWORD = "maria", "only for the pictures"
#: How many days ago files were imported, by which door and by whom, and how many good and bad rows they had.
HISTORY = [
    (27, "api", "Website form", 24, 0), (26, "api", "Website form", 18, 1), (24, "admin", USER, 41, 6),
    (21, "shell", "nightly", 30, 0), (20, "api", "Website form", 22, 0), (20, "admin", USER, 35, 9),
    (17, "api", "Website form", 19, 0), (13, "shell", "nightly", 44, 2), (13, "api", "Website form", 16, 0),
    (13, "admin", USER, 28, 3), (10, "api", "Website form", 25, 0), (9, "shell", "nightly", 31, 0),
    (6, "api", "Website form", 21, 0), (5, "admin", USER, 52, 4), (2, "api", "Website form", 17, 0),
]  # fmt: skip
HEADER = "first_name,last_name,email,company_name\n"


def set_stage() -> None:
    """Give the demo tenant somebody who signs in, and a month of imports behind it."""
    from django.contrib.auth import get_user_model

    from crm.models import Membership, Tenant

    tenant = Tenant.objects.get(slug="demo")
    user = get_user_model().objects.create_user(USER, password=PASSWORD, is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=Membership.Role.ADMIN)
    for number, entry in enumerate(HISTORY):
        _import(tenant, number, *entry)


def _import(tenant, number: int, days: int, door: str, actor: str, good: int, bad: int) -> None:
    from django.utils import timezone

    from importexport import service
    from importexport.models import ImportRun

    rows = [f"Lead,{n},lead{number}.{n}@example.com,\n" for n in range(good)] + ["Lead,,nobody,Acme\n"] * bad
    run = ImportRun(tenant=tenant, entity="contacts", door=door, actor=actor, file_name=f"leads-{number + 1}.csv")
    service.import_file("contacts", tenant=tenant, file=io.BytesIO((HEADER + "".join(rows)).encode()), run=run)
    ImportRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
