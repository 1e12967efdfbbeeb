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

from crm.management.base import (
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
from importexport.management.reporting import reporting, show_plan
from importexport.management.results import counts, told_besides
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle

#: Option → its help text.
OPTIONS = {
    "mode": "what to do with the rows",
    "match_on": "the column that identifies the existing record of a row",
    "blank": "what a blank cell does to an existing record",
    "clear_marker": "a cell with exactly this text (1 to 20 characters) clears the value of an existing record",
    "tags": "what to do with the tags of an existing record",
    "missing": "what to do about companies and stages that do not exist",
}


class Command(RallyCommand):
    """Import a CSV file, with the same rules, messages and result as the API."""

    help = (
        "Import a CSV file. Exit status: 0 processed, 1 rows rejected with --strict, 2 invalid file or arguments,"
        " 3 stored, but the report could not be written."
    )
    examples = (
        "manage.py import contacts contacts.csv --tenant acme --rejected rejected.csv",
        "manage.py import contacts new.csv --tenant acme --mode upsert --match-on email --plan",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument("file", help="a CSV file; - reads stdin")
        add_tenant_argument(parser, option=True)
        parser.add_argument("--json", action="store_true", help="print the result as the API's JSON")
        parser.add_argument("--rejected", metavar="FILE", type=Path, help="write the rejected rows to a CSV file")
        parser.add_argument("--strict", action="store_true", help="exit with 1 if rows were rejected")
        for name, text in OPTIONS.items():
            # Not argparse's choices: the sentence about an unknown value is the API's.
            metavar = f"{{{','.join(VALUES[name])}}}" if name in VALUES else "TEXT"
            parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
        trial = parser.add_mutually_exclusive_group()
        trial.add_argument("--dry-run", action="store_true", help="report the result without storing anything")
        trial.add_argument("--plan", action="store_true", help="store a plan and print its id; see the imports command")

    def handle(
        self, *, entity: str, file: str, tenant: str, json: bool, rejected: Path | None, strict: bool, **given: Any
    ) -> None:
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
            if rejected or strict:
                raise UserError("--plan stores no rows: it takes neither --rejected nor --strict.")
            self._plan(run, file, options, as_json=json)
            return
        with opened(file) as source, contextlib.ExitStack() as outputs:
            rejected_file = outputs.enter_context(replacing(distinct(rejected, source)))
            progress = outputs.enter_context(progress_bar(size_of(source)))
            try:
                observers = observers_for(rejected_file, progress)
                report = services.import_file(run, source, dry_run=given["dry_run"], observers=observers)
            except errors.FileError as error:
                raise UserError(str(error)) from None
            with quiet_pipe() if given["dry_run"] else reporting(run):
                outputs.close()  # Only now does the file of rejected rows replace the previous one.
                self._show(report, as_json=json)
        if strict and report.skipped:
            sys.exit(STRICT)

    def _plan(self, run: ImportRun, file: str, options: Options, *, as_json: bool) -> None:
        with opened(file) as source, progress_bar(size_of(source)) as progress:
            try:
                lifecycle.plan_now(run, source, options, progress=progress)
            except errors.FileError as error:
                raise UserError(str(error)) from None
        show_plan(run, as_json=as_json)

    def _show(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            sys.stdout.buffer.writelines(report.json_chunks())
            sys.stdout.buffer.write(b"\n")
            # The result has no place for it.
            for line in told_besides(report):
                self.stderr.write(line)
            return
        for message in report.messages:
            self.stdout.write(message.replace("\n", " "))
        for line in told_besides(report):
            self.stdout.write(line)
        self.stdout.write(counts(report))


def observers_for(rejected: BinaryIO | None, progress: Progress | None) -> list[Observer]:
    """Return the observers that write the rejected rows and update the progress bar."""
    observers: list[Observer] = []
    if rejected:
        observers.append(RejectedRowsObserver(rejected))
    if progress:
        observers.append(ProgressObserver(progress))
    return observers


def chosen_options(given: dict[str, Any], entity: str) -> Options:
    """Return the options among the arguments; raise UserError if they are invalid."""
    try:
        chosen = {name: given[name] for name in NAMES if given[name] is not None}
        return read_options(chosen, RESOURCES[entity].describe())
    except OptionError as error:
        raise UserError(str(error)) from None


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Yield the named file, or stdin, opened for reading."""
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
    """Return the path for the rejected rows; raise UserError if it is the file being imported."""
    with contextlib.suppress(OSError):
        if rejected and os.path.samestat(rejected.stat(), os.fstat(source.fileno())):
            raise UserError("The rejected rows cannot go into the file that is imported.")
    return rejected


def size_of(source: BinaryIO) -> int | None:
    """Return the size of a file in bytes, or None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
