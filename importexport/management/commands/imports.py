"""`manage.py imports list --tenant acme`, and commands for a single import."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant, quiet_pipe
from crm.models import Tenant
from importexport.errors import FileError
from importexport.history import plan_check, row_files, row_log
from importexport.history.plan_check import PlanChanged
from importexport.management.files import account_name, write_chunks
from importexport.management.progress import progress_bar
from importexport.management.reporting import reporting
from importexport.management.results import counts, told_besides
from importexport.models import ImportRun
from importexport.runs import lifecycle, serializers, tasks

#: The number of imports to list.
LISTED = 50


class Command(RallyCommand):
    """List imports from all channels, show and undo them, and apply plans."""

    help = "Inspect and undo imports, and apply plans: list, show, rows, rejected, undo, apply."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="what", required=True, metavar="list|show|rows|rejected|undo|apply")
        for name, text in WHAT.items():
            action = actions.add_parser(name, help=text)
            action.error = parser.error  # type: ignore[method-assign]
            if name != "list":
                action.add_argument("id", help="the id of the import")
            add_tenant_argument(action, option=True)
            if name == "rows":
                action.add_argument("--action", choices=row_log.ACTIONS, help="only rows with this action")
            if name in {"rows", "rejected"}:
                action.add_argument("--output", metavar="FILE", type=Path, help="a CSV file (default: stdout)")

    def handle(self, *, what: str, tenant: str, **given: Any) -> None:
        owner = find_tenant(tenant)
        tasks.settle_interrupted()
        if what == "list":
            self._list(owner)
            return
        run = find_run(given["id"], owner)
        if what == "show":
            self.stdout.write(json.dumps(serializers.detail_json(run), indent=2, ensure_ascii=False))
        elif what == "rows":
            write_chunks(row_files.csv_chunks(row_log.rows(run, action=given["action"]), run), given["output"])
        elif what == "rejected":
            if not run.has_rejected:
                raise UserError("This import has no rejected rows, or they have been purged.")
            write_chunks(row_files.rejected_file(run), given["output"])
        elif what == "undo":
            self._undo(run)
        else:
            self._apply(run)

    def _list(self, tenant: Tenant) -> None:
        with quiet_pipe():
            for run in ImportRun.objects.filter(tenant=tenant).select_related("tenant")[:LISTED]:
                self.stdout.write(line_of(run))

    def _undo(self, run: ImportRun) -> None:
        try:
            with progress_bar(None) as progress:
                plan = lifecycle.plan_undo(
                    run, progress=progress, channel=ImportRun.Channel.SHELL, actor=account_name()
                )
        except lifecycle.NotPlanned as why:
            raise UserError(str(why)) from None
        with reporting(plan):
            self.stdout.write(str(plan.pk))

    def _apply(self, run: ImportRun) -> None:
        try:
            with progress_bar(run.size) as progress:
                lifecycle.apply_now(run, progress=progress)
        except (lifecycle.NotPlanned, FileError) as why:
            raise UserError(str(why)) from None
        except PlanChanged as change:
            raise UserError(plan_check.sentence(change)) from None
        with reporting(run):
            self._show_applied(run)

    def _show_applied(self, run: ImportRun) -> None:
        if run.kind == ImportRun.Kind.UNDO:
            self.stdout.write(f"{run.total_rows} changes: {run.imported} undone, {run.skipped} conflicts.")
            return
        for line in told_besides(run):
            self.stdout.write(line)
        self.stdout.write(counts(run))


WHAT = {
    "list": "list the latest imports",
    "show": "print the details of an import as JSON",
    "rows": "write its row log as CSV",
    "rejected": "write its rejected rows as CSV, to be corrected and imported again",
    "undo": "plan an undo and print the id of the plan",
    "apply": "apply a plan",
}


def find_run(text: str, tenant: Tenant) -> ImportRun:
    """Return a tenant's import by its id; raise UserError if there is none."""
    try:
        return ImportRun.objects.select_related("tenant").get(pk=UUID(text), tenant=tenant)
    except (ValueError, ImportRun.DoesNotExist):
        raise UserError(f"Import '{text}' not found.") from None


def line_of(run: ImportRun) -> str:
    """Return a line with an import's id, time, state, counts and file."""
    when = f"{run.created_at.astimezone(run.tenant.zone):%Y-%m-%d %H:%M}"
    rows = f"{run.total_rows} rows, {run.imported} imported, {run.skipped} skipped"
    if run.warning_count:
        rows += f", {run.warning_count} warning{'s' if run.warning_count > 1 else ''}"
    return f"{run.pk}  {when}  {run.status:8}  {run.entity:10}  {rows}  {run.file_name} ({run.actor})"
