"""The output of the import commands, as text or JSON, for one file or several."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError

from crm.management.base import UNREPORTED, shown
from importexport.engine.report import Report
from importexport.management.files import shown_name
from importexport.management.results import counts, told_besides
from importexport.models import ImportRun
from importexport.runs import serializers


class Printer:
    """Prints results and plans. With several files, each is named, and their JSON is one array in the given order."""

    def __init__(self, names: Sequence[str], *, as_json: bool) -> None:
        self._left = len(names)
        self._is_several = len(names) > 1
        self._is_begun = False
        self._as_json = as_json

    def report(self, report: Report, name: str) -> None:
        """Print the result of an import: text, or the API's JSON."""
        if self._as_json:
            self._element(self._named(report.json_chunks(), name))
            self._tell(report, name)  # The result has no member for it.
            return
        if self._is_several:
            write_line(f"{name}:")
        for message in report.messages:
            write_line(message.replace("\n", " "))
        for line in told_besides(report):
            write_line(line)
        write_line(counts(report))

    def plan(self, run: ImportRun) -> None:
        """Print a plan as the API's JSON, or its id; everything else goes to stderr."""
        if self._as_json:
            self._element([json_bytes(serializers.detail_json(run))])
            return
        self._tell(run, run.file_name)
        write_line(f"{run.pk}  {run.file_name}" if self._is_several else str(run.pk))

    def problem(self, problem: CommandError, name: str) -> None:
        """Print a line about one of several files to stderr; if nothing of it was stored, also its JSON element."""
        sentence = " ".join(str(problem).split()).removeprefix(f"{name}: ")
        write_line(f"{name}: {sentence}", on=sys.stderr)
        if self._as_json and problem.returncode != UNREPORTED:
            with contextlib.suppress(OSError):
                self._element([json_bytes({"fileName": shown_name(name), "error": sentence})])

    def _tell(self, result: Report | ImportRun, name: str) -> None:
        start = f"{name}: " if self._is_several else ""
        for line in told_besides(result):
            write_line(start + line, on=sys.stderr)

    def _named(self, chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
        """Yield a JSON object; with several files, it begins with the name of the file."""
        if self._is_several:
            yield b'{"fileName": %s, ' % json_bytes(name)
            yield next(chunks).removeprefix(b"{")
        yield from chunks

    def _element(self, chunks: Iterable[bytes]) -> None:
        """Print a JSON document; with several files, it is an element of the array."""
        start = b"" if not self._is_several else b",\n" if self._is_begun else b"["
        self._is_begun, self._left = True, self._left - 1
        sys.stdout.buffer.write(start)
        sys.stdout.buffer.writelines(chunks)
        end = b"\n" if not self._is_several else b"" if self._left else b"]\n"
        sys.stdout.buffer.write(end)


def write_line(line: str, *, on: Any = None) -> None:
    """Write a line to a stream, or stdout."""
    on = on or sys.stdout
    on.write(f"{shown(line, on=on)}\n")


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()
