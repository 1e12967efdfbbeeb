"""Admin pages for imports and exports: the Import and Export buttons of the records, and the import runs."""

from django.contrib import admin
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin  # noqa: F401 - registers the page of jobs
from procrastinate.contrib.django.models import ProcrastinateJob

from importexport.admin import import_runs, record_admins

__all__ = ["import_runs", "record_admins"]

# Jobs are of all tenants, and all that is to be said of one is on the page of its run.
admin.site.unregister(ProcrastinateJob)
