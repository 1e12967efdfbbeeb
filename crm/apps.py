"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "CRM"

    def ready(self) -> None:
        """After migrations, take ids from the cell's range, and tell how many records could not be given a new matching
        key."""
        from crm.cells import take_range  # noqa: PLC0415 - models cannot be imported before
        from crm.matching_keys import tell_outdated  # noqa: PLC0415

        post_migrate.connect(take_range, sender=self)
        post_migrate.connect(tell_outdated, sender=self)
