"""What an import writes down: its refused rows, the ids of its records, its outcome (see models.ImportRun)."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, BinaryIO

from django.db import connection
from django.utils import timezone

from importexport import families, faults
from importexport.engine import EntityResource
from importexport.keeping import Keeper
from importexport.ledger import clear_ledger, copy_rows
from importexport.models import ImportRun, SkippedRow
from importexport.outcome import Outcome, Refusal, Stretch
from importexport.report import Report
from importexport.resources import RESOURCES
from importexport.table import Table

#: How many records a preview shows.
SAMPLE_ROWS = 20
#: How many rows are looked at to find out where mended rows come from.
REPEATS = 200
#: Called with the report at the end of an import, in its transaction.
Also = Callable[[Report], None]
#: How many different sentences are counted one by one, and how many groups are kept.
SENTENCES, GROUPS = 10_000, 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class RunJournal:
    """Writes down what an import does, in its own transaction (see keeping.Keeper, whose ``aside`` makes it a plan).

    ``also`` is called at the end, for whoever has more to write in the same transaction.
    """

    def __init__(self, run: ImportRun, source: "Measured", *, aside: Any = None, also: Also | None = None) -> None:
        self.run = run
        run.started_at = run.started_at or timezone.now()
        self._source = source
        self._keeper = Keeper(run, aside=aside)
        self._also = also
        self._groups = Groups()
        self._counts: Counter[str] = Counter()
        self._references: Counter[str] = Counter()
        self._first: list[int] = []
        self._repeats: list[tuple[int, str]] = []

    @property
    def name(self) -> str:
        """The run's id."""
        return str(self.run.pk)

    def begin(self, table: Table) -> None:
        """Note the header, and forget what an earlier try or plan has written."""
        self.run.header = describe_header(table, RESOURCES[self.run.entity])
        self._keeper.begin()

    def add(self, outcome: Outcome) -> None:
        """Keep what became of a batch."""
        if outcome.refusals:
            self._groups.add(outcome.refusals)
            self._copy_refusals(outcome.refusals)
        self._note_first(outcome.stretches.get("create", ()))
        self._keeper.add(outcome)
        self._count(outcome)
        if len(self._repeats) < REPEATS:
            self._repeats.extend(outcome.repeats[:REPEATS])

    def end(self, report: Report) -> None:
        """Keep the counts; the run is done when the import's transaction is."""
        run = self.run
        run.size, run.sha256 = self._source.size, self._source.sha256
        run.total_rows, run.imported, run.skipped = report.total_rows, report.imported, report.skipped
        run.counts, run.references = dict(self._counts), dict(self._references)
        run.groups = self._groups.listed()
        run.parent = run.parent or families.find_parent(run, self._repeats)
        run.rows_done, run.bytes_done = run.total_rows, run.size
        if self._keeper.is_plan:
            run.sample = sample_rows(RESOURCES[run.entity](run.tenant), self._first)
        self._keeper.end()
        if self._also:
            self._also(report)

    def _count(self, outcome: Outcome) -> None:
        for action in outcome.stretches:
            self._counts[action] += outcome.count(action)
        for change in outcome.changes:
            if change.action == "create":
                self._references[change.entity] += 1
            else:
                self._counts[change.action] += 1
        self._counts["reject"] += len(outcome.refusals)

    def _copy_refusals(self, refusals: list[Refusal]) -> None:
        texts = [
            [str(refusal.number) for refusal in refusals],
            [json_list(map(quoted, refusal.cells)) for refusal in refusals],
            [
                json_list(json_list(map(quoted, (column, fault.kind, fault))) for column, fault in refusal.faults)
                for refusal in refusals
            ],
        ]
        copy_rows(SkippedRow, self.run.pk, ["number", "cells", "faults"], texts, to=self._keeper.to)

    def _note_first(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            room = SAMPLE_ROWS - len(self._first)
            self._first.extend(range(stretch.id, stretch.id + min(stretch.count, room)))


def json_list(items: Iterable[str]) -> str:
    """Return texts of JSON as the text of a list of them; json.dumps takes three times as long for a small one."""
    return f"[{', '.join(items)}]"


class Groups:
    """Counts faults alike: by sentence while there are not too many, and by kind and column in any case."""

    def __init__(self) -> None:
        self._sentences: Counter[tuple[str, str, str]] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()

    def add(self, refusals: list[Refusal]) -> None:
        """Count the faults of a batch."""
        for refusal in refusals:
            for column, fault in refusal.faults:
                self._kinds[column, fault.kind] += 1
                key = (column, fault.kind, str(fault))
                if key in self._sentences or len(self._sentences) < SENTENCES:
                    self._sentences[key] += 1

    def listed(self) -> list[dict[str, Any]]:
        """Return the groups, the most frequent first: sentences that several rows share, and the rest by kind."""
        shared = {key: rows for key, rows in self._sentences.items() if rows > 1}
        rest = self._kinds.copy()
        for (column, kind, _), rows in shared.items():
            rest[column, kind] -= rows
        examples: dict[tuple[str, str], str] = {}
        for column, kind, sentence in self._sentences:
            if (column, kind, sentence) not in shared:
                examples.setdefault((column, kind), sentence)
        groups = [group(kind, column, rows, sentence, sentence) for (column, kind, sentence), rows in shared.items()]
        for (column, kind), rows in rest.items():
            if rows:
                example = examples.get((column, kind), "")
                groups.append(group(kind, column, rows, example if rows == 1 else "", example))
        return sorted(groups, key=lambda group: -group["rows"])[:GROUPS]


def group(kind: str, column: str, rows: int, sentence: str, example: str) -> dict[str, Any]:
    """Return a group (see ImportRun.groups)."""
    return {"kind": kind, "column": column, "sentence": sentence, "example": example, "rows": rows}


class Measured:
    """A file whose size and SHA-256 are known once it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Return the file's next bytes."""
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    def read_on(self) -> None:
        """Read what is left, so that size and digest are the whole file's."""
        while self.read(64 * 1024):
            pass

    def seekable(self) -> bool:
        """Whether the file has an end: a pipe may have none."""
        return self._file.seekable()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._digest.hexdigest()


def describe_header(table: Table, resource: type[EntityResource]) -> dict[str, Any]:
    """Return a header as it was understood (see ImportRun.header)."""
    header = table.header
    column_at = {position: name for name, position in header.positions.items()}
    return {
        "cells": header.cells,
        "columns": [column_at.get(position) for position in range(header.width)],
        "ignored": header.ignored,
        "missing": [name for name in resource.column_names() if name not in header.positions],
        "delimiter": table.rows.delimiter,
    }


def sample_rows(resource: EntityResource, ids: list[int]) -> list[list[str]]:
    """Return records as an export would show them, a list of cells each."""
    references = {column.attribute.partition("__")[0] for column in resource.columns if "__" in column.attribute}
    records = resource.get_queryset().filter(pk__in=ids).select_related(*references)
    return [[column.export(record) for column in resource.columns] for record in records]


def note_refused(run: ImportRun, fault: faults.FileFault, source: Measured) -> None:
    """Keep that a whole file was refused, and why."""
    if not isinstance(fault, faults.TooLarge) and not run.sha256 and source.seekable():
        source.read_on()
        run.size, run.sha256 = source.size, source.sha256
    run.status, run.finished_at = ImportRun.Status.REFUSED, timezone.now()
    run.fault = _CONTROL.sub("\ufffd", str(fault))
    if run._state.adding:
        run.save()
        return
    # Not save(), which would bring back a run that was discarded meanwhile.
    ImportRun.objects.filter(pk=run.pk).update(status=run.status, finished_at=run.finished_at, fault=run.fault)
    clear_ledger(run.pk, connection)


def tidy_name(name: str) -> str:
    """Return a file's name as it can be kept and shown: the last part of its path, at most 255 characters."""
    return _CONTROL.sub("\ufffd", re.split(r"[/\\]", name)[-1])[-255:]
