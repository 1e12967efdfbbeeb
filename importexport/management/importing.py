"""Imports the files given to a command, each in a separate run."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError
from django.db import connection

from crm.management.base import (
    INTERRUPTED,
    STRICT,
    UNREPORTED,
    USER_ERROR,
    UserError,
    discard_stdout,
    problem_of,
    quiet_pipe,
)
from crm.models import Tenant
from importexport import errors, services
from importexport.engine.observers import Observer, Progress, ProgressObserver, RejectedRowsObserver
from importexport.engine.options import Options
from importexport.management.files import (
    account_name,
    distinct,
    is_workbook,
    opened,
    replacing,
    shown_name,
    size_of,
    storage_problem,
)
from importexport.management.printing import Printer
from importexport.management.progress import progress_bar
from importexport.management.reporting import reporting, stoppable, storing
from importexport.models import ImportRun
from importexport.runs import lifecycle

#: Exit statuses, worst first.
STATUSES = (USER_ERROR, UNREPORTED, STRICT, 0)


@dataclass(frozen=True)
class FileImport:
    """How a command imports its files: its arguments, apart from the files."""

    tenant: Tenant
    entity: str
    options: Options
    printer: Printer
    is_plan: bool
    is_dry: bool
    is_strict: bool
    rejected: Path | None

    def carry_out(self, name: str) -> int:
        """Import or plan a file and print the result; return the exit status.

        Raises UserError if nothing was stored because of the file, and CommandError if the result could not be printed.
        """
        run = ImportRun(
            tenant=self.tenant,
            entity=self.entity,
            channel=ImportRun.Channel.SHELL,
            actor=account_name(),
            file_name=shown_name(name),
            options=self.options.kept(),
        )
        try:
            return self._plan(run, name) if self.is_plan else self._import(run, name)
        except errors.FileError as error:
            raise UserError(str(error)) from None
        except errors.StorageUnavailable as error:
            raise storage_problem(error) from None

    def _plan(self, run: ImportRun, name: str) -> int:
        with opened(name) as source, stoppable(), progress_bar(size_of(source)) as progress:
            lifecycle.plan_now(run, source, self.options, progress=progress)
        with reporting(run):
            self.printer.plan(run)
        return 0

    def _import(self, run: ImportRun, name: str) -> int:
        with opened(name) as source, contextlib.ExitStack() as outputs:
            rejected = outputs.enter_context(replacing(distinct(self.rejected, source)))
            progress = outputs.enter_context(progress_bar(size_of(source)))
            observers = observers_for(rejected, progress, as_workbook=is_workbook(self.rejected))
            with contextlib.nullcontext() if self.is_dry else storing(run):
                report = services.import_file(run, source, dry_run=self.is_dry, observers=observers)
            with quiet_pipe() if self.is_dry else reporting(run):
                outputs.close()  # Only now the file of rejected rows replaces the previous one.
                self.printer.report(report, run.file_name)
        return STRICT if self.is_strict and report.skipped else 0


def import_each(names: Sequence[str], work: FileImport) -> int:
    """Import files in the given order, each independently of the others; return the worst exit status.

    Raises CommandError if interrupted; it names the files that have not been started.
    """
    statuses = set()
    for position, name in enumerate(names, start=1):
        try:
            statuses.add(work.carry_out(name))
        except (Exception, KeyboardInterrupt) as error:
            problem = problem_of(error)
            if problem is None:
                raise
            if problem.returncode == INTERRUPTED:
                raise CommandError(interruption(problem, names, position), returncode=INTERRUPTED) from None
            work.printer.problem(problem, name)
            statuses.add(problem.returncode)
            connection.close_if_unusable_or_obsolete()
    try:
        sys.stdout.flush()
    except OSError:
        statuses.add(UNREPORTED)
    if UNREPORTED in statuses:
        discard_stdout()
    return next(status for status in STATUSES if status in statuses)


def interruption(problem: CommandError, names: Sequence[str], position: int) -> str:
    """Return the message for an interruption at the file at a position, counted from 1."""
    left = f" Not begun: {', '.join(names[position:])}." if names[position:] else ""
    return f"{names[position - 1]}: {problem}{left}"


def observers_for(rejected: BinaryIO | None, progress: Progress | None, *, as_workbook: bool) -> list[Observer]:
    """Return the observers that write the rejected rows and update the progress bar."""
    observers: list[Observer] = []
    if rejected:
        observers.append(RejectedRowsObserver(rejected, as_workbook=as_workbook))
    if progress:
        observers.append(ProgressObserver(progress))
    return observers
