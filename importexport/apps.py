"""App configuration."""

import gc

from django.apps import AppConfig


class ImportExportConfig(AppConfig):
    name = "importexport"
    verbose_name = "Import / export"

    def ready(self) -> None:
        """Leave what is loaded out of garbage collection: none of it is garbage, not even when the process ends."""
        gc.freeze()
