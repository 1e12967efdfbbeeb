"""Admin pages for imports and exports: their buttons on the pages of records, the runs, saved
matchings, schedules and webhooks.
"""

from django.contrib import admin
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin  # noqa: F401 - registers the page of jobs
from procrastinate.contrib.django.models import ProcrastinateJob

from importexport.admin import deliveries, import_runs, record_admins, schedules, webhooks
from importexport.admin.matching import saved

__all__ = ["deliveries", "import_runs", "record_admins", "saved", "schedules", "webhooks"]

# Jobs are of all tenants, and all that is to be said of one is on the page of its run.
admin.site.unregister(ProcrastinateJob)
