"""`manage.py import contacts contacts.csv --tenant acme`."""

import contextlib
import io
import os
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError

from crm.management.base import (
    INTERRUPTED,
    STRICT,
    RallyCommand,
    UserError,
    add_tenant_argument,
    find_tenant,
    quiet_pipe,
)
from importexport import errors, services
from importexport.engine.observers import Observer, Progress, ProgressObserver, RejectedRowsObserver
from importexport.engine.options import NAMES, VALUES, OptionError, Options, read_options
from importexport.engine.report import Report
from importexport.files.source import tidy_name
from importexport.management.files import account_name, replacing
from importexport.management.progress import progress_bar
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle

#: Option → what it says, for the help.
OPTIONS = {
    "mode": "what rows do",
    "match_on": "the column by which a row finds its record",
    "blank": "what a blank cell does to a record that there is",
    "tags": "what tags do to those that a record has",
    "missing": "what to do about companies and stages that rows name and there are not",
}


class Command(RallyCommand):
    """Import a CSV file, with the rules, messages and result of the API."""

    help = "Import a CSV file. Exit status: 0 processed, 1 rows skipped under --strict, 2 file or arguments at fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument("file", help="a CSV file; - reads stdin")
        add_tenant_argument(parser, option=True)
        parser.add_argument("--json", action="store_true", help="print the result as the API's JSON")
        parser.add_argument("--rejected", metavar="FILE", type=Path, help="write the rejected rows to a CSV file")
        parser.add_argument("--strict", action="store_true", help="exit with 1 when rows were skipped")
        for name, text in OPTIONS.items():
            choices = f": {', '.join(VALUES[name])}" if name in VALUES else ""
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="WORD", help=text + choices)
        trial = parser.add_mutually_exclusive_group()
        trial.add_argument("--dry-run", action="store_true", help="report what would be imported, and store nothing")
        trial.add_argument("--plan", action="store_true", help="keep a plan, and print its id; see the command imports")

    def handle(
        self, *, entity: str, file: str, tenant: str, json: bool, rejected: Path | None, strict: bool, **given: Any
    ) -> None:
        """Import it."""
        owner, options = find_tenant(tenant), chosen_options(given, entity)
        run = ImportRun(
            tenant=owner,
            entity=entity,
            channel=ImportRun.Channel.SHELL,
            actor=account_name(),
            file_name="stdin" if file == "-" else tidy_name(file),
            options=options.kept(),
        )
        if given["plan"]:
            if rejected or json or strict:
                raise UserError("--plan stores no rows: it takes neither --json, --rejected nor --strict.")
            self._plan(run, file, options)
            return
        with (
            opened(file) as source,
            replacing(distinct(rejected, source)) as rejected_file,
            progress_bar(size_of(source)) as progress,
        ):
            try:
                observers = told(rejected_file, progress)
                report = services.import_file(run, source, dry_run=given["dry_run"], observers=observers)
            except errors.FileError as error:
                raise UserError(str(error)) from None
        try:
            with quiet_pipe():
                self._show(report, as_json=json)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the import had been stored.", returncode=INTERRUPTED) from None
        if strict and report.skipped:
            sys.exit(STRICT)

    def _plan(self, run: ImportRun, file: str, options: Options) -> None:
        with opened(file) as source, progress_bar(size_of(source)) as progress:
            try:
                lifecycle.plan_now(run, source, options, progress=progress)
            except errors.FileError as error:
                raise UserError(str(error)) from None
        self.stdout.write(str(run.pk))

    def _show(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            sys.stdout.buffer.writelines(report.json_chunks())
            sys.stdout.buffer.write(b"\n")
            return
        for message in report.messages:
            self.stdout.write(message.replace("\n", " "))
        if report.ignored_columns:
            self.stdout.write(f"Ignored columns: {', '.join(report.ignored_columns)}")
        self.stdout.write(f"{report.total_rows} rows: {report.imported} imported, {report.skipped} skipped.")


def told(rejected: BinaryIO | None, progress: Progress | None) -> list[Observer]:
    """Return who is told of the import: the file of rejected rows, and the progress bar."""
    observers: list[Observer] = []
    if rejected:
        observers.append(RejectedRowsObserver(rejected))
    if progress:
        observers.append(ProgressObserver(progress))
    return observers


def chosen_options(given: dict[str, Any], entity: str) -> Options:
    """Return the options among the arguments; raise UserError for one that cannot be followed."""
    try:
        chosen = {name: given[name] for name in NAMES if given[name] is not None}
        return read_options(chosen, RESOURCES[entity].describe())
    except OptionError as error:
        raise UserError(str(error)) from None


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Give a file to read, or stdin."""
    if name == "-":
        if sys.stdin is None:
            raise UserError("Standard input is closed.")
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
        file.peek(1)
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}.") from None
    with file:
        yield file


def distinct(rejected: Path | None, source: BinaryIO) -> Path | None:
    """Return where the rejected rows go; raise UserError where that is the file that they come from."""
    with contextlib.suppress(OSError):
        if rejected and os.path.samestat(rejected.stat(), os.fstat(source.fileno())):
            raise UserError("The rejected rows cannot go into the file that is imported.")
    return rejected


def size_of(source: BinaryIO) -> int | None:
    """Return a file's size in bytes, or None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
