"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "CRM"

    def ready(self) -> None:
        """Tell after migrations how many records could not be given a new matching key."""
        from crm.matching_keys import tell_outdated  # noqa: PLC0415 - models cannot be imported before

        post_migrate.connect(tell_outdated, sender=self)
