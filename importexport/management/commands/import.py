"""`manage.py import contacts contacts.csv --tenant acme`."""

import contextlib
import getpass
import io
import os
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError
from tqdm import tqdm

from crm.management.base import INTERRUPTED, STRICT, Mistake, RallyCommand, add_tenant_argument, find_tenant, quiet_pipe
from importexport import faults, service
from importexport.engine import Progress
from importexport.journal import tidy_name
from importexport.management.files import replacing
from importexport.models import ImportRun
from importexport.report import Report
from importexport.resources import RESOURCES


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

    def handle(
        self, *, entity: str, file: str, tenant: str, json: bool, rejected: Path | None, strict: bool, **_: Any
    ) -> None:
        """Import it."""
        owner = find_tenant(tenant)
        run = ImportRun(
            tenant=owner,
            entity=entity,
            door=ImportRun.Door.SHELL,
            actor=account_name(),
            file_name="stdin" if file == "-" else tidy_name(file),
        )
        with opened(file) as source, replacing(distinct(rejected, source)) as refused, progress_bar(source) as progress:
            try:
                report = service.import_file(
                    entity, tenant=owner, file=source, rejected=refused, progress=progress, run=run
                )
            except faults.FileFault as fault:
                raise Mistake(str(fault)) from None
        try:
            with quiet_pipe():
                self._show(report, as_json=json)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the import had been stored.", returncode=INTERRUPTED) from None
        if strict and report.skipped:
            sys.exit(STRICT)

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


def account_name() -> str:
    """Return who runs the command, as the system calls them; a container may have no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Give a file to read, or stdin."""
    if name == "-":
        if sys.stdin is None:
            raise Mistake("Standard input is closed.")
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
        file.peek(1)
    except OSError as error:
        raise Mistake(f"{name}: {error.strerror}.") from None
    with file:
        yield file


def distinct(rejected: Path | None, source: BinaryIO) -> Path | None:
    """Return where the rejected rows go; raise Mistake where that is the file that they come from."""
    with contextlib.suppress(OSError):
        if rejected and os.path.samestat(rejected.stat(), os.fstat(source.fileno())):
            raise Mistake("The rejected rows cannot go into the file that is imported.")
    return rejected


@contextlib.contextmanager
def progress_bar(source: BinaryIO) -> Iterator[Progress | None]:
    """Give a bar of bytes and rows where somebody watches, on stderr."""
    if not sys.stderr.isatty():
        yield None
        return
    # A terminal that does not know its size says 0, and would be shown nothing.
    width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
    shape: dict[str, Any] = {"ncols": width, "nrows": 2, "leave": False}
    with tqdm(total=size_of(source), unit="B", unit_scale=True, unit_divisor=1024, **shape) as bar:

        def show(rows: int, read: int) -> None:
            bar.set_postfix_str(f"{rows} rows", refresh=False)
            bar.update(read - bar.n)

        yield show


def size_of(source: BinaryIO) -> int | None:
    """Return a file's size in bytes, or None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
