"""Other columns than that of a name that say which record a row refers to: external ids, full names, domains."""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.db import connection, models
from psycopg import sql

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.widgets import Cell, Cleaned, Text, is_storable
from importexport.db import ANY_TENANT

#: How many answers are cached; a file may name more records than that, but memory stays flat.
KNOWN_LIMIT = 20_000
#: An external source and id.
ExternalId = tuple[str, str]


class Hinted(Cell):
    """A reference to a record by its name, or by ``hints``.

    The first hint is the column with its external id, in the source of the row; it comes before the name. Another is
    used if neither leads to a record.
    """

    hints: ClassVar[tuple[str, ...]] = ()
    model: type[models.Model]
    noun: str

    def __init__(self) -> None:
        super().__init__()
        #: The rows that wait for a record that is to be created; those of their external ids, and of the cells of the
        #: second hint, that are given.
        self.awaited: dict[int, tuple] = {}
        self.external_ids: dict[int, ExternalId] = {}
        self.awaited_texts: dict[int, str] = {}
        self._known_ids: dict[ExternalId, int | None] = {}

    @property
    def tenant(self) -> Any:
        """The tenant whose records are looked at."""
        raise NotImplementedError

    def clean_names(self, cells: Cells, column: str) -> Cleaned:
        """Return the ids of the records that rows refer to by name."""
        raise NotImplementedError

    def by_hint(self, texts: Collection[str]) -> dict[str, list[int]]:
        """Return the records that each text of the second hint stands for."""
        return {text: [] for text in texts}

    def clean_cells(self, cells: Cells, column: str) -> Cleaned:
        """Return the ids of the records that rows refer to, by name or by hints."""
        stored, wrong = self.clean_names(cells, column)
        if self.hints and not cells.is_absent(self.hints):
            self._follow_hints(cells, column, stored, wrong)
        return stored, wrong

    def _follow_hints(
        self, cells: Cells, column: str, stored: list[str | None], wrong: dict[int, errors.RowError]
    ) -> None:
        """Refer rows to the records that hints lead to, where these come before the name or the name leads to none."""
        names, texts = cells.text(column), self._texts(cells)
        pairs = list(zip(cells.text("external_source"), cells.text(self.hints[0]), strict=True))
        by_id = self._by_id(pairs)
        is_lost = [stored[i] is None and (i not in wrong or wrong[i].code == "not_found") for i in range(cells.count)]
        unfit = {number: error for _, number in set(pairs) if (error := self._unfit(number))}
        by_hint = self.by_hint({text for text, is_open in zip(texts, is_lost, strict=True) if text and is_open})
        unknown = {i: pair for i, pair in enumerate(pairs) if pair[1] and not by_id[pair]}
        others = self._with_an_id({pk for i in unknown if (pk := stored[i])})
        for i, pair in enumerate(pairs):
            found = [by_id[pair]] if by_id[pair] else by_hint.get(texts[i], []) if is_lost[i] else []
            if found:
                wrong.pop(i, None)
                self.awaited.pop(i, None)
            if len(found) == 1:
                stored[i] = str(found[0])
            elif found:
                wrong[i] = errors.ambiguous(self.noun, texts[i])
            elif error := unfit.get(pair[1]) or (self._unfit_text(texts[i]) if i in self.awaited else None):
                wrong[i] = error
                self.awaited.pop(i, None)
            elif (not names[i] and any((pair[1], texts[i]))) or (i in unknown and (stored[i], pair[0]) in others):
                # A record that has another id of that source is not the one that is meant, although it has the name.
                wrong[i] = self._missing_hint(pair[1], texts[i])
        self.external_ids = {i: pairs[i] for i in self.awaited if pairs[i][1]}
        self.awaited_texts = {i: texts[i] for i in self.awaited if texts[i]}

    def _texts(self, cells: Cells) -> list[str]:
        """Return the cells of the second hint."""
        return cells.text(self.hints[1]) if len(self.hints) > 1 else [""] * cells.count

    def _unfit(self, number: str) -> errors.RowError | None:
        """Return the error for a text that is no external id, whatever the records are."""
        return unfit(number, self.hints[0], self.model._meta.get_field("external_id"))

    def _unfit_text(self, text: str) -> errors.RowError | None:
        """Return the error for a cell of the second hint that a record which is to be created cannot have."""
        return None

    def _missing_hint(self, number: str, text: str) -> errors.RowError:
        return errors.external_id_not_found(self.noun, number) if number else errors.not_found(self.noun, text)

    def _with_an_id(self, ids: Collection[str]) -> set[tuple[str, str]]:
        """Return which of some records have an external id, each with its source."""
        if not ids:
            return set()
        found = self.model._default_manager.filter(tenant=self.tenant, pk__in=ids).exclude(external_id="")
        return {(str(pk), source) for pk, source in found.values_list("pk", "external_source")}

    def _by_id(self, pairs: Collection[ExternalId]) -> dict[ExternalId, int | None]:
        """Return the records with some external sources and ids; None for those that do not exist."""
        if len(self._known_ids) > KNOWN_LIMIT:
            self._known_ids.clear()
        self._look_up_ids({pair for pair in pairs if pair not in self._known_ids})
        return self._known_ids

    def _look_up_ids(self, pairs: Iterable[ExternalId]) -> None:
        self._known_ids.update(dict.fromkeys(pairs))
        if numbers := [number for _, number in pairs if number and is_storable(number)]:
            statement = BY_ID.format(table=sql.Identifier(self.model._meta.db_table), tenant=ANY_TENANT)
            with connection.cursor() as cursor:
                cursor.execute(statement, [self.tenant.pk, numbers])
                self._known_ids.update({(source, number): pk for source, number, pk in cursor})


def unfit(value: str, column: str, field: Any) -> errors.RowError | None:
    """Return the error for a text that a new record cannot have in a field, or None."""
    try:
        Text.for_field(field).parse(value, column)
    except ValueError as error:
        return error.args[0]
    return None


BY_ID = sql.SQL(
    "SELECT external_source, external_id, id FROM {table} WHERE tenant_id = {tenant} AND external_id <> ''"
    " AND external_id = ANY(%s) FOR KEY SHARE"
)
