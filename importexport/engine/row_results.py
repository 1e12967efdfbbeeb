"""The rows of a result, as django-import-export's preview and log show them."""

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

#: The rows that a result tells of, with what they change; of the others only where their instances are asked for.
PREVIEW_ROWS = 100


class Fate(NamedTuple):
    """What became of one row: the library's word for it, and the record, the change or the rejection."""

    number: int
    kind: str
    record: int = 0
    change: Change | None = None
    rejection: Rejection | None = None


class RowResults(Observer):
    """Observes an import, and adds to its report's rows.

    A rejected row is skipped; what is wrong with it is in the row's ``errors``, and beside its cells in the diff. A row
    whose record is as it says is skipped without an error.
    """

    def __init__(self, resource: Any, report: Report, *, keep_instances: bool, collect_failed_rows: bool) -> None:
        self._resource, self._report, self._meta = resource, report, resource._meta
        self._keep_instances = keep_instances or self._meta.store_instance
        self._collect_failed_rows = collect_failed_rows

    def begin(self, table: Table) -> None:
        """Take notice of the header."""
        self._header = table.header
        if self._collect_failed_rows:
            self._report.add_dataset_headers(table.header.cells)

    def add(self, outcome: Outcome) -> None:
        """Tell of a batch's rows."""
        if self._collect_failed_rows:
            for rejection in outcome.rejected:
                self._report.append_failed_row(self._row(rejection), rejection.message)
        left = PREVIEW_ROWS - len(self._report.rows)
        if left <= 0 and not self._keep_instances:
            return
        fates = sorted(self._fates(outcome), key=lambda fate: fate.number)
        if not self._keep_instances:
            fates = fates[:left]
        self._tell(fates, shown=max(left, 0))

    def _fates(self, outcome: Outcome) -> Iterator[Fate]:
        """Yield what became of each row, in no order."""
        for stretch in outcome.stretches.get("create", ()):
            yield from (Fate(number, RowResult.IMPORT_TYPE_NEW, record) for number, record in stretch.rows())
        for change in outcome.changes:
            if change.action == "update":
                yield Fate(change.number, RowResult.IMPORT_TYPE_UPDATE, change.record, change)
        if not self._meta.report_skipped:
            return
        for stretch in outcome.stretches.get("unchanged", ()):
            yield from (Fate(number, RowResult.IMPORT_TYPE_SKIP, record) for number, record in stretch.rows())
        for rejection in outcome.rejected:
            yield Fate(rejection.number, RowResult.IMPORT_TYPE_SKIP, rejection=rejection)

    def _tell(self, fates: list[Fate], *, shown: int) -> None:
        """Append a result for each row; the first ``shown`` of them with a diff."""
        records = self._records(fates)
        with_diff = [] if self._meta.skip_diff else fates[:shown]
        originals = self._originals(with_diff, records)
        for place, fate in enumerate(fates):
            result = self._result(fate, records)
            if place < len(with_diff):
                result.original = originals.get(fate.record)
                result.diff = None if self._meta.skip_html_diff else self._diff(fate, records, originals)
            self._report.append_row_result(result)

    def _records(self, fates: list[Fate]) -> dict[int, models.Model]:
        found = self._meta.model._default_manager.select_related(*self._resource.relations())
        return found.in_bulk([fate.record for fate in fates if fate.record])

    def _originals(self, fates: list[Fate], records: dict[int, models.Model]) -> dict[int, models.Model]:
        """Return changed records as they were."""
        found = {fate.record: before(records[fate.record], fate.change) for fate in fates if fate.change}
        prefetch_related_objects(list(found.values()), *self._resource.relations())
        return found

    def _result(self, fate: Fate, records: dict[int, models.Model]) -> RowResult:
        result = self._resource.get_row_result_class()()
        result.number, result.import_type = fate.number, fate.kind
        result.add_instance_info(records.get(fate.record))
        if self._keep_instances:
            result.instance = records.get(fate.record)
        if fate.rejection:
            result.errors = self._errors(fate.rejection)
        return result

    def _errors(self, rejection: Rejection) -> list[Error]:
        error, row = self._resource.get_error_result_class(), self._row(rejection)
        return [error(ValueError(text), row=row, number=rejection.number) for _, text in rejection.errors]

    def _row(self, rejection: Rejection) -> dict[str, str]:
        """Return a rejected row's cells by the file's own header."""
        cells = self._header.cells
        return dict(zip(cells, rejection.cells + [""] * (len(cells) - len(rejection.cells)), strict=False))

    def _diff(self, fate: Fate, records: dict[int, models.Model], originals: dict[int, models.Model]) -> list[str]:
        if fate.rejection:
            return self._rejected_cells(fate.rejection)
        record, is_new = records[fate.record], fate.kind == RowResult.IMPORT_TYPE_NEW
        original = self._meta.model() if is_new else originals.get(fate.record, record)
        diff = self._resource.get_diff_class()(self._resource, original, is_new)
        diff.compare_with(self._resource, record)
        return diff.as_html()

    def _rejected_cells(self, rejection: Rejection) -> list[str]:
        """Return a rejected row's cells, and after each what is wrong with it; the rest, in the first."""
        names = self._report.diff_headers
        wrong: dict[str, list[str]] = defaultdict(list)
        for column, text in rejection.errors:
            wrong[column if column in names else names[0]].append(text)
        return [self._rejected_cell(rejection.cells, name, wrong[name]) for name in names]

    def _rejected_cell(self, cells: list[str], name: str, wrong: list[str]) -> str:
        place = self._header.positions.get(name, len(cells))
        text = cells[place] if place < len(cells) else ""
        return format_html("{} <strong>{}</strong>", text, "; ".join(wrong)) if wrong else format_html("{}", text)


def before(record: models.Model, change: Change | None) -> models.Model:
    """Return a record as it was before a change."""
    original = copy.copy(record)
    fields = {field.column: field for field in record._meta.concrete_fields}
    for column, (old, *_) in json.loads(change.changes if change else "{}", parse_float=Decimal).items():
        setattr(original, fields[column].attname, fields[column].to_python(old))
    return original
