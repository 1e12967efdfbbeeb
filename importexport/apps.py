"""Django's name for this app."""

from django.apps import AppConfig


class ImportExportConfig(AppConfig):
    name = "importexport"
    verbose_name = "Import / export"
