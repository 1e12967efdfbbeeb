"""The chart of imports by day, and the latest imports that failed or rejected rows."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.admin import formatting
from crm.models import Tenant
from importexport.admin.labels import ENTITIES
from importexport.history.stats import ImportDay, imports_by_day, latest_failures, total
from importexport.models import ImportRun
from rally.dashboard.amounts import whole
from rally.dashboard.charts import Column, columns

#: The maximum number of failures to list.
FAILURES = 4
#: Chart heights in pixels.
FILES_HEIGHT, SHARE_HEIGHT = 64, 48


@dataclass(frozen=True)
class Day:
    """A day of imports: two columns of the chart and their numbers."""

    title: str
    figures: ImportDay
    files: Column
    share: Column
    share_text: str
    numbers: list[str]
    label: str


def import_chart(tenant: Tenant) -> dict[str, Any]:
    """Return the chart of a tenant's imports by day, and their totals."""
    days = imports_by_day(tenant)
    files = columns([day.files for day in days], height=FILES_HEIGHT, largest=1)
    shares = columns([day.skipped_share or 0 for day in days], height=SHARE_HEIGHT, largest=1)
    everything = total(days)
    return {
        "days": [
            Day(
                title=formatting.day_of_year(day.day),
                figures=day,
                files=files[position],
                share=shares[position],
                share_text=_share(day),
                numbers=[whole(number) for number in (day.files, day.imported, day.skipped)],
                # One label per week, the last one below today.
                label=formatting.day_of_year(day.day) if (len(days) - 1 - position) % 7 == 0 else "",
            )
            for position, day in enumerate(days)
        ],
        "files_height": FILES_HEIGHT,
        "share_height": SHARE_HEIGHT,
        "most": whole(max(day.files for day in days)),
        "total": everything,
        "figures": [
            (_("Files"), whole(everything.files)),
            (_("Failed"), whole(everything.failed)),
            (_("Rows imported"), whole(everything.imported)),
            (_("Rows rejected"), f"{whole(everything.skipped)} ({_share(everything)})"),
            *([(_("Rows undone"), whole(everything.undone))] if everything.undone else []),
        ],
    }


def failures(tenant: Tenant) -> list[dict[str, Any]]:
    """Return the latest imports that failed or rejected rows, with links to them."""
    return [
        {
            "file_name": run.file_name,
            "entity": ENTITIES.get(run.entity, run.entity),
            "link": reverse("admin:importexport_importrun_change", args=[run.pk]),
            "when": formatting.exactly(run.created_at, tenant.zone),
            "actor": run.actor,
            "is_failed": run.status == ImportRun.Status.FAILED,
            "what": _what_failed(run),
        }
        for run in latest_failures(tenant, FAILURES)
    ]


def _what_failed(run: ImportRun) -> str:
    if run.status == ImportRun.Status.FAILED:
        return run.error
    counts = {"rejected": whole(run.skipped), "rows": whole(run.total_rows)}
    return _("%(rejected)s of %(rows)s rows rejected") % counts


def _share(day: ImportDay) -> str:
    if day.skipped_share is None:
        return formatting.EMPTY
    share = day.skipped_share * 100
    places = 1 if 0 < share < 10 else 0
    return formatting.per_cent(round(share, places), places=places)
