"""The admin that everything registers with."""

from django.contrib.admin import apps


class RallyAdminConfig(apps.AdminConfig):
    default = False  # Of the app "rally", in whose module it stands.
    default_site = "rally.admin.RallyAdminSite"
