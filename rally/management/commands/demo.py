"""`manage.py demo`: creates a demo tenant with sample records."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from crm.demo import create_demo_records
from crm.management.base import RallyCommand
from crm.models import Tenant
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from importexport.api.authentication import admit

SLUG = "demo"
TEXT = """
  Rally import / export

  Address      {address}
  API docs     {address}/api/docs
  Admin        {address}/admin/   login {user}   password {password}
  API key      {key}

  Import contacts from a CSV file, and export them again:

  curl -H 'X-Api-Key: {key}' -F file=@{sample} {address}/api/v1/importexport/contacts/import
  curl -H 'X-Api-Key: {key}' {address}/api/v1/importexport/contacts/export -o contacts.csv
"""
SAMPLE = """first_name,last_name,email,company_name,tags
Mary,Shelley,mary@example.com,Acme Labs,"vip,newsletter"
Bram,Stoker,not-an-email,Acme Labs,
"""


class Command(RallyCommand):
    """Create the demo tenant if it does not exist; print its address, login, key and two curl commands."""

    help = "Create a demo tenant with sample records, and print how to access it."
    examples = ("manage.py demo",)

    def handle(self, **_: Any) -> None:
        with transaction.atomic():
            access = demo_access()
        sample = settings.DATA_DIR / "sample_contacts.csv"
        sample.write_text(SAMPLE, encoding="utf-8")
        address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
        self.stdout.write(TEXT.format(address=address, sample=shortest(sample), **access))


def shortest(path: Path) -> str:
    """Return a path as it would be typed in the current directory."""
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"'{shown}'" if " " in str(shown) else str(shown)


def demo_access() -> dict[str, str]:
    """Return the login and key. Reuses those of an earlier run if still valid, so that saved commands keep working."""
    kept = settings.DATA_DIR / "demo.json"
    tenant = Tenant.objects.filter(slug=SLUG).first()
    if tenant is None:
        tenant = create_tenant(slug=SLUG, name="Demo")
        create_demo_records(tenant)
    access = json.loads(kept.read_text()) if kept.exists() else {}
    user, is_new = get_user_model().objects.get_or_create(
        username="admin", defaults={"is_staff": True, "is_superuser": True}
    )
    if is_new or not user.check_password(access.get("password", "")):
        access["password"] = secrets.token_urlsafe(9)
        user.set_password(access["password"])
        user.save()
    if not admit(access.get("key", "")):
        _key, access["key"] = create_api_key(tenant=tenant, name=f"demo {secrets.token_hex(4)}")
    with open(os.open(kept, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode
        json.dump(access, file)
    return {"user": "admin", **access}
