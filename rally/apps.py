"""App configuration that makes RallyAdminSite the default admin site."""

from django.contrib.admin import apps


class RallyAdminConfig(apps.AdminConfig):
    default = False  # Not the default configuration of the "rally" app itself.
    default_site = "rally.admin.RallyAdminSite"
