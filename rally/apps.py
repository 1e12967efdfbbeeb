"""App configuration that makes RallyAdminSite the default admin site."""

from typing import Any

from django.contrib.admin import apps, autodiscover
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class RallyAdminConfig(apps.SimpleAdminConfig):
    """Leaves it to the URL configuration to load the admin, because commands do without: loading it takes as long as
    the rest of their start."""

    default = False  # Not the default configuration of the "rally" app itself.
    default_site = "rally.admin.RallyAdminSite"

    def ready(self) -> None:
        """Register the checks."""
        checks.register(check_admin, checks.Tags.admin)


def check_admin(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Check the admin, which is loaded for it."""
    autodiscover()
    return check_dependencies() + check_admin_app(app_configs, **options)
