"""The row results of an import, for django-import-export's preview and log."""

import copy
import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models import prefetch_related_objects
from django.utils.html import format_html
from import_export.results import Error, RowResult

from importexport.engine.observers import Observer
from importexport.engine.outcome import Change, Outcome, Rejection
from importexport.engine.report import Report
from importexport.files.table import Table

#: The maximum number of row results, each with a diff. More are added, without diffs, if their instances are wanted.
PREVIEW_ROWS = 100


class RowOutcome(NamedTuple):
    """The outcome of a row: its import type, and the id of the record, the change or the rejection."""

    number: int
    kind: str
    record: int = 0
    change: Change | None = None
    rejection: Rejection | None = None


class RowResults(Observer):
    """Adds row results to the report of an import.

    A rejected row is skipped. Its messages are in ``errors``, and beside their cells in the diff. An unchanged row is
    skipped without errors.
    """

    def __init__(self, resource: Any, report: Report, *, keep_instances: bool, collect_failed_rows: bool) -> None:
        self._resource, self._report, self._meta = resource, report, resource._meta
        self._keep_instances = keep_instances or self._meta.store_instance
        self._collect_failed_rows = collect_failed_rows

    def begin(self, table: Table) -> None:
        self._header = table.header
        if self._collect_failed_rows:
            self._report.add_dataset_headers(table.header.cells)

    def add(self, outcome: Outcome) -> None:
        if self._collect_failed_rows:
            for rejection in outcome.rejected:
                self._report.append_failed_row(self._row(rejection), rejection.message)
        left = PREVIEW_ROWS - len(self._report.rows)
        if left <= 0 and not self._keep_instances:
            return
        entries = sorted(self._outcomes(outcome), key=lambda entry: entry.number)
        if not self._keep_instances:
            entries = entries[:left]
        self._add_results(entries, shown=max(left, 0))

    def _outcomes(self, outcome: Outcome) -> Iterator[RowOutcome]:
        """Yield the outcomes of a batch's rows, in no particular order."""
        for stretch in outcome.stretches.get("create", ()):
            yield from (RowOutcome(number, RowResult.IMPORT_TYPE_NEW, record) for number, record in stretch.rows())
        for change in outcome.changes:
            if change.action == "update":
                yield RowOutcome(change.number, RowResult.IMPORT_TYPE_UPDATE, change.record, change)
        if not self._meta.report_skipped:
            return
        for stretch in outcome.stretches.get("unchanged", ()):
            yield from (RowOutcome(number, RowResult.IMPORT_TYPE_SKIP, record) for number, record in stretch.rows())
        for rejection in outcome.rejected:
            yield RowOutcome(rejection.number, RowResult.IMPORT_TYPE_SKIP, rejection=rejection)

    def _add_results(self, entries: list[RowOutcome], *, shown: int) -> None:
        """Add a result for each row, with a diff for the first ``shown`` rows."""
        records = self._records(entries)
        with_diff = [] if self._meta.skip_diff else entries[:shown]
        originals = self._originals(with_diff, records)
        for place, entry in enumerate(entries):
            result = self._result(entry, records)
            if place < len(with_diff):
                result.original = originals.get(entry.record)
                result.diff = None if self._meta.skip_html_diff else self._diff(entry, records, originals)
            self._report.append_row_result(result)

    def _records(self, entries: list[RowOutcome]) -> dict[int, models.Model]:
        found = self._meta.model._default_manager.select_related(*self._resource.relations())
        return found.in_bulk([entry.record for entry in entries if entry.record])

    def _originals(self, entries: list[RowOutcome], records: dict[int, models.Model]) -> dict[int, models.Model]:
        """Return the changed records as they were before the import."""
        found = {entry.record: before(records[entry.record], entry.change) for entry in entries if entry.change}
        prefetch_related_objects(list(found.values()), *self._resource.relations())
        return found

    def _result(self, entry: RowOutcome, records: dict[int, models.Model]) -> RowResult:
        result = self._resource.get_row_result_class()()
        result.number, result.import_type = entry.number, entry.kind
        result.add_instance_info(records.get(entry.record))
        if self._keep_instances:
            result.instance = records.get(entry.record)
        if entry.rejection:
            result.errors = self._errors(entry.rejection)
        return result

    def _errors(self, rejection: Rejection) -> list[Error]:
        error, row = self._resource.get_error_result_class(), self._row(rejection)
        return [error(ValueError(text), row=row, number=rejection.number) for _, text in rejection.errors]

    def _row(self, rejection: Rejection) -> dict[str, str]:
        """Return the cells of a rejected row by the headers of the file."""
        cells = self._header.cells
        return dict(zip(cells, rejection.cells + [""] * (len(cells) - len(rejection.cells)), strict=False))

    def _diff(
        self, entry: RowOutcome, records: dict[int, models.Model], originals: dict[int, models.Model]
    ) -> list[str]:
        if entry.rejection:
            return self._rejected_cells(entry.rejection)
        record, is_new = records[entry.record], entry.kind == RowResult.IMPORT_TYPE_NEW
        original = self._meta.model() if is_new else originals.get(entry.record, record)
        diff = self._resource.get_diff_class()(self._resource, original, is_new)
        diff.compare_with(self._resource, record)
        return diff.as_html()

    def _rejected_cells(self, rejection: Rejection) -> list[str]:
        """Return a rejected row's cells, each followed by its messages. Messages for other columns are in the first."""
        names = self._report.diff_headers
        messages: dict[str, list[str]] = defaultdict(list)
        for column, text in rejection.errors:
            messages[column if column in names else names[0]].append(text)
        return [self._rejected_cell(rejection.cells, name, messages[name]) for name in names]

    def _rejected_cell(self, cells: list[str], name: str, messages: list[str]) -> str:
        place = self._header.positions.get(name, len(cells))
        text = cells[place] if place < len(cells) else ""
        return format_html("{} <strong>{}</strong>", text, "; ".join(messages)) if messages else format_html("{}", text)


def before(record: models.Model, change: Change | None) -> models.Model:
    """Return a record as it was before a change."""
    original = copy.copy(record)
    fields = {field.column: field for field in record._meta.concrete_fields}
    for column, (old, *_) in json.loads(change.changes if change else "{}", parse_float=Decimal).items():
        setattr(original, fields[column].attname, fields[column].to_python(old))
    return original
