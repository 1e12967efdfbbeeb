"""Django's name for this app."""

import gc

from django.apps import AppConfig


class ImportExportConfig(AppConfig):
    name = "importexport"
    verbose_name = "Import / export"

    def ready(self) -> None:
        """Let the garbage collector look less often.

        A batch is lists by the ten thousand, none of them in a cycle; looking through them all again and again was
        a fifth of the time that an import takes in Python.
        """
        gc.set_threshold(50_000, 20, 20)
