"""`manage.py imports list --tenant acme`, and commands for a single import."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant, with_examples
from crm.management.output import add_json_argument, print_json, print_lines
from crm.models import Tenant
from importexport.errors import FileError, StorageUnavailable
from importexport.history import plan_check, row_files, row_log
from importexport.history.kept import rejected_kept
from importexport.history.plan_check import PlanChanged
from importexport.management.files import account_name, is_workbook, storage_problem, write_chunks
from importexport.management.printing import Printer, write_line
from importexport.management.progress import progress_bar
from importexport.management.reporting import reporting, stoppable, storing
from importexport.management.results import counts, told_besides, undo_counts
from importexport.models import ImportRun, run_json
from importexport.resources import RESOURCES
from importexport.runs import lifecycle, serializers, tasks

#: The number of imports to list, by default and at most.
USUAL, MOST = 20, 1000


class Command(RallyCommand):
    """List imports from all channels, show, undo and cancel them, and apply plans."""

    help = "Inspect, undo and cancel imports, and apply plans: list, show, rows, rejected, undo, apply, cancel."
    examples = (
        "manage.py imports list --tenant acme --entity contacts --status done",
        "manage.py imports show ID --tenant acme",
        "manage.py imports rows ID --tenant acme --output rows.csv",
        "manage.py imports rejected ID --tenant acme --output rejected.csv",
        "manage.py imports undo ID --tenant acme",
        "manage.py imports apply ID --tenant acme",
        "manage.py imports cancel ID --tenant acme",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="what", required=True, metavar="|".join(WHAT))
        for name, text in WHAT.items():
            examples = [line for line in self.examples if line.startswith(f"manage.py imports {name} ")]
            described = f"{text[0].upper()}{text[1:]}."
            action = actions.add_parser(name, help=text, description=described, **with_examples(examples))
            if name != "list":
                action.add_argument("id", help="the id of the import")
            add_tenant_argument(action, option=True)
            ARGUMENTS[name](action)

    def handle(self, *, what: str, tenant: str, **given: Any) -> None:
        owner = find_tenant(tenant)
        tasks.settle_interrupted()
        if what == "list":
            list_runs(owner, given["limit"], as_json=given["json"], entity=given["entity"], status=given["status"])
            return
        run = find_run(given["id"], owner)
        if what == "show":
            print_json(serializers.detail_json(run))
        elif what == "rows":
            tell_what_is_kept(run)
            write_chunks(row_files.csv_chunks(row_log.rows(run, action=given["action"]), run), given["output"])
        elif what == "rejected":
            write_rejected(run, given["output"])
        elif what == "undo":
            self._undo(run, as_json=given["json"])
        elif what == "cancel":
            self._cancel(run)
        else:
            self._apply(run)

    def _undo(self, run: ImportRun, *, as_json: bool) -> None:
        try:
            with stoppable(), progress_bar(None) as progress:
                plan = lifecycle.plan_undo(
                    run, progress=progress, channel=ImportRun.Channel.SHELL, actor=account_name()
                )
        except lifecycle.NotPlanned as why:
            raise UserError(str(why)) from None
        with reporting(plan):
            Printer([plan.file_name], as_json=as_json).plan(plan)

    def _cancel(self, run: ImportRun) -> None:
        try:
            lifecycle.cancel(run, by=account_name())
        except lifecycle.NotPlanned as why:
            raise UserError(str(why)) from None
        self.stdout.write("It ends after its current batch." if run.is_at_work else run.error)

    def _apply(self, run: ImportRun) -> None:
        try:
            with storing(run), progress_bar(run.size) as progress:
                lifecycle.apply_now(run, progress=progress)
        except (lifecycle.NotPlanned, FileError) as why:
            raise UserError(str(why)) from None
        except PlanChanged as change:
            raise UserError(plan_check.sentence(change)) from None
        except StorageUnavailable as error:
            raise storage_problem(error) from None
        with reporting(run):
            self._show_applied(run)

    def _show_applied(self, run: ImportRun) -> None:
        if run.kind == ImportRun.Kind.UNDO:
            self.stdout.write(undo_counts(run))
            return
        for line in told_besides(run):
            write_line(line)
        self.stdout.write(counts(run))


def write_rejected(run: ImportRun, path: Path | None) -> None:
    """Write the rejected rows of an import to a file or stdout; raise UserError if there are none."""
    if not run.has_rejected:
        raise UserError("This import has no rejected rows, or they have been purged.")
    tell_what_is_kept(run)
    if not is_workbook(path):
        write_chunks(row_files.rejected_file(run), path)
    else:
        write_chunks(row_files.rejected_workbook(run), path)


def tell_what_is_kept(run: ImportRun) -> None:
    """Say on stderr if not all rejected rows are kept."""
    kept = rejected_kept(run)
    if kept < run.skipped and run.kind == ImportRun.Kind.IMPORT and not run.purged_at:
        sys.stderr.write(f"Only the first {kept} of {run.skipped} rejected rows are kept.\n")


WHAT = {
    "list": "list the latest imports",
    "show": "print the details of an import as JSON",
    "rows": "write its row log as CSV",
    "rejected": "write its rejected rows as CSV, or to a .xlsx file, to be corrected and imported again",
    "undo": "plan an undo and print the id of the plan",
    "apply": "apply a plan",
    "cancel": "end what waits or is in progress; nothing of it is stored",
}


def add_list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``imports list``."""
    parser.add_argument("--entity", choices=list(RESOURCES), help="only imports of this entity")
    parser.add_argument("--status", choices=STATES, help="only imports in this state")
    parser.add_argument("--limit", type=int, default=USUAL, metavar="N", help=f"at most so many (default: {USUAL})")
    add_json_argument(parser, "print a JSON array of imports as the API returns them")


#: The states by which imports can be listed.
STATES = [status.value for status in ImportRun.TOLD]


def add_rows_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``imports rows``."""
    parser.add_argument("--action", choices=row_log.ACTIONS, help="only rows with this action")
    add_output_argument(parser)


def add_output_argument(parser: ArgumentParser) -> None:
    """Add ``--output`` to a parser."""
    parser.add_argument("--output", metavar="FILE", type=Path, help="a file (default: stdout)")


def add_undo_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``imports undo``."""
    add_json_argument(parser, "print the plan as JSON, as the API returns it, rather than its id alone")


#: Adds the arguments of an action to its parser, besides the id and the tenant.
ARGUMENTS: dict[str, Callable[[ArgumentParser], None]] = {
    "list": add_list_arguments,
    "show": lambda parser: add_json_argument(parser, "print JSON, the only format of the details"),
    "rows": add_rows_arguments,
    "rejected": add_output_argument,
    "undo": add_undo_arguments,
    "apply": lambda parser: None,
    "cancel": lambda parser: None,
}


def find_run(text: str, tenant: Tenant) -> ImportRun:
    """Return a tenant's import by its id; raise UserError if there is none."""
    try:
        told = ImportRun.objects.filter(tenant=tenant, status__in=ImportRun.TOLD)
        return told.select_related("tenant").get(pk=UUID(text))
    except (ValueError, ImportRun.DoesNotExist):
        raise UserError(f"Import '{text}' not found.") from None


def list_runs(tenant: Tenant, limit: int, *, as_json: bool, **wanted: str | None) -> None:
    """Print a tenant's latest imports with the ``wanted`` values of their fields; raise UserError for a wrong limit."""
    if not 1 <= limit <= MOST:
        raise UserError(f"--limit is a number from 1 to {MOST}.")
    chosen = {name: value for name, value in wanted.items() if value is not None}
    told = ImportRun.objects.filter(tenant=tenant, **chosen).exclude(status=ImportRun.Status.MATCHING)
    runs = told.select_related("tenant").order_by("-created_at", "-pk")
    if as_json:
        print_json([run_json(run) for run in runs[:limit]])
    else:
        print_lines(map(line_of, runs[:limit]))


def line_of(run: ImportRun) -> str:
    """Return a line with an import's id, time, state, kind, mode, counts and file."""
    when = f"{run.created_at.astimezone(run.tenant.zone):%Y-%m-%d %H:%M}"
    what = f"{run.status:8}  {run.kind:6}  {run.options.get('mode', '-'):6}  {run.entity:10}"
    rows = undo_counts(run) if run.kind == ImportRun.Kind.UNDO else counts(run)
    return f"{run.pk}  {when}  {what}  {rows.rstrip('.')}  {run.file_name} ({run.actor})"
