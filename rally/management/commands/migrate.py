"""`manage.py migrate`: Django's, by one process at a time, and past a connection pool."""

from typing import Any

from django.core.management.commands import migrate

from crm.management.base import RallyCommand
from importexport.db import check_direct_settings, directly, lock_apart

#: The advisory lock held during migrations, an arbitrary unused number.
LOCK = 7_625_771


class Command(RallyCommand, migrate.Command):
    """Migrate the database. Of processes that start at the same time, one does, and the others wait for it."""

    examples = ("manage.py migrate", "manage.py migrate --plan")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate when nobody else does."""
        check_direct_settings()
        with directly(), lock_apart([LOCK]):
            super().handle(*args, **options)
