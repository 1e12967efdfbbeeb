"""Cells that name another record: one query per batch and kind; answers are cached, and found records locked.

FOR KEY SHARE keeps a record that was found from being deleted before the import commits, as a foreign key would.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from psycopg import sql

from crm.models import Company, Contact, Deal, Pipeline, Stage
from crm.models.fields import Folded, folded_field
from crm.models.pipeline import DEFAULT_PIPELINE
from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.full_names import people_called
from importexport.columns.hints import KNOWN_LIMIT, Hinted, unfit
from importexport.columns.widgets import Cleaned, is_storable, spread
from importexport.db import ANY_TENANT, identifiers


class Reference(Hinted):
    """A record of the tenant, found by its folded name."""

    needs_records = True
    model: type[models.Model]
    key: str
    noun: str
    #: Whether a missing record can be created from its name alone.
    can_create: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._tenant: Any = None
        #: Whether missing records are created: then they are no error, and ``awaited`` has the rows that need them.
        self.creates_missing = False
        #: The folded names of the only records that are created; None for all.
        self._creatable: frozenset[str] | None = None
        self._known: dict[str, list[tuple]] = {}
        self.help = f"an existing {self.noun.lower()}, by {self.key.removesuffix('_key')}"

    @property
    def folded(self) -> Folded:
        """The matching key by which records are found."""
        return folded_field(self.model, self.key)

    def create_missing(self, names: Iterable[str] | None) -> None:
        """Have missing records created, or only those with some names."""
        self.creates_missing = True
        self._creatable = None if names is None else frozenset(map(self.folded.fold, names))

    def bind(self, tenant: Any) -> None:
        """Look among this tenant's records only."""
        self._tenant = tenant

    @property
    def tenant(self) -> Any:
        """The tenant whose records are looked at; raises ImproperlyConfigured where none was given."""
        if self._tenant is None:
            raise ImproperlyConfigured(f"A {self.noun.lower()} is looked for in a tenant: give the resource one.")
        return self._tenant

    def parse(self, value: str, column: str) -> int:
        """Return the id of the record that a cell names."""
        (stored,), wrong = self.clean_column([value], column=column)
        if wrong or stored is None:
            raise ValueError(wrong[0])
        return int(stored)

    def clean_names(self, cells: Cells, column: str) -> Cleaned:
        """Return the ids of the records that rows refer to by name."""
        return self.clean_column(cells.text(column), column=column)

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Return the ids of the records that the cells name."""
        keys = dict(zip(values, self.folded.fold_column(values), strict=True))
        self._look_up(keys.values())
        wrong: dict[str, errors.RowError] = {}
        ids: dict[str, str | None] = {"": None}
        for value, key in keys.items():
            if value:
                ids[value] = self._pick(value, self._known[key], wrong)
        self.awaited = {}
        if self.creates_missing:
            wanted = {value for value in keys if value and ids[value] is None and value not in wrong}
            self.awaited = {i: (keys[value], value) for i, value in enumerate(values) if value in wanted}
        return [ids[value] for value in values], spread(values, wrong)

    def _pick(self, value: str, found: list[tuple], wrong: dict[str, errors.RowError]) -> str | None:
        if len(found) == 1:
            return str(found[0][0])
        error = errors.ambiguous(self.noun, value) if found else self._missing(value)
        if error:
            wrong[value] = error
        return None

    def _missing(self, value: str) -> errors.RowError | None:
        """Return the error for a record that does not exist; None if it can be created."""
        is_wanted = self._creatable is None or self.folded.fold(value) in self._creatable
        if self.can_create and self.creates_missing and is_wanted:
            return unfit_name(value, f"{self.noun.lower()}_name", self.model)
        return errors.not_found(self.noun, value)

    def learn(self, key: Any, found: tuple) -> None:
        """Remember a record that was created for a row."""
        self._known[key] = [found]
        self._known_ids.clear()

    def forget(self) -> None:
        """Forget all answers: some new records have been deleted again."""
        self._known.clear()
        self._known_ids.clear()

    #: The columns that a look-up selects besides the key; the id comes first.
    selects: ClassVar[Sequence[str]] = ("id",)

    def _look_up(self, keys: Iterable[str]) -> None:
        """Look up all keys that are not known yet, in one query."""
        if len(self._known) > KNOWN_LIMIT:
            self._known.clear()
        missing = [key for key in dict.fromkeys(keys) if key and key not in self._known]
        if not missing:
            return
        self._known.update((key, []) for key in missing)
        with connection.cursor() as cursor:
            statement = LOOK_UP.format(
                columns=identifiers([self.key, *self.selects]),
                table=sql.Identifier(self.model._meta.db_table),
                tenant=ANY_TENANT,
                key=sql.Identifier(self.key),
            )
            cursor.execute(statement, [self.tenant.pk, [key for key in missing if is_storable(key)]])
            for key, *found in cursor:
                self._known[key].append(tuple(found))


LOOK_UP = sql.SQL(
    "SELECT {columns} FROM {table} WHERE tenant_id = {tenant} AND {key} = ANY(%s) ORDER BY id FOR KEY SHARE"
)


class CompanyByName(Reference):
    """A company, by its name."""

    model, key, noun = Company, "name_key", "Company"
    can_create = True
    hints = ("company_external_id", "company_domain")

    def by_hint(self, texts: Collection[str]) -> dict[str, list[int]]:
        """Return the companies with some domains."""
        hosts = dict(zip(texts, folded_field(Company, "domain_key").fold_column([*texts]), strict=True))
        found: dict[str, list[int]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(BY_DOMAIN, [self.tenant.pk, [host for host in hosts.values() if host and is_storable(host)]])
            for host, pk in cursor:
                found[host].append(pk)
        return {text: found[host] for text, host in hosts.items()}

    def _unfit_text(self, text: str) -> errors.RowError | None:
        return unfit(text, "company_domain", Company._meta.get_field("domain")) if text else None


BY_DOMAIN = (
    "SELECT domain_key, id FROM crm_company WHERE tenant_id = (SELECT %s::bigint) AND domain_key <> ''"
    " AND domain_key = ANY(%s) ORDER BY id FOR KEY SHARE"
)


class ContactByEmail(Reference):
    """A contact, by its e-mail address."""

    form = "email"
    model, key, noun = Contact, "email_key", "Contact"
    hints = ("contact_external_id", "contact_name")

    def by_hint(self, texts: Collection[str]) -> dict[str, list[int]]:
        """Return the contacts with some full names."""
        return people_called(texts, self.tenant)


class DealByName(Reference):
    """A deal, by its name; of several, the one with the row's company, then with its contact."""

    model, key, noun = Deal, "name_key", "Deal"
    selects = ("id", "company_id", "contact_id")
    hints = ("deal_external_id",)

    def clean_names(self, cells: Cells, column: str) -> Cleaned:
        """Return the deals' ids, each distinct name being looked up once."""
        values = cells.text(column)
        rows = list(
            zip(
                values,
                self.folded.fold_column(values),
                cells.stored["company_id"],
                cells.stored["contact_id"],
                strict=True,
            )
        )
        self._look_up(key for _, key, _, _ in rows)
        wrong: dict[int, errors.RowError] = {}
        ids: list[str | None] = []
        for position, (value, key, company, contact) in enumerate(rows):
            error: dict[str, errors.RowError] = {}
            ids.append(self._pick(value, narrow(self._known[key], company, contact), error) if value else None)
            if error:
                wrong[position] = error[value]
        return ids, wrong


def unfit_name(value: str, column: str, model: type[models.Model]) -> errors.RowError | None:
    """Return the error for a name that a new record cannot have, or None."""
    return unfit(value, column, model._meta.get_field("name"))


def narrow(deals: list[tuple], company: str | None, contact: str | None) -> list[tuple]:
    """Return the deals with the row's company, then those with its contact, unless there are none."""
    for place, wanted in ((1, company), (2, contact)):
        if wanted and len(deals) > 1:
            deals = [deal for deal in deals if str(deal[place]) == wanted] or deals
    return deals


class PipelineByName(Reference):
    """A pipeline, by its name; blank is the tenant's default."""

    model, key, noun = Pipeline, "name_key", "Pipeline"
    can_create = True

    def clean_names(self, cells: Cells, column: str) -> Cleaned:
        """Return the pipelines' ids, the default's where the cell is blank."""
        stored, wrong = super().clean_names(cells, column)
        if None in stored:
            default = Pipeline.objects.filter(tenant=self.tenant, is_default=True).values_list("pk", flat=True).first()
            blanks = [i for i, text in enumerate(cells.text(column)) if not text]
            for i in blanks:
                stored[i] = str(default) if default else None
            if not default:
                wrong |= {i: errors.not_found(self.noun, DEFAULT_PIPELINE) for i in blanks}
        return stored, wrong


class StageByName(Reference):
    """A stage of the row's pipeline; blank is its first.

    Where no pipeline is named, a stage that the default lacks is looked for in the only other pipeline that has it,
    and the deal is in that pipeline then. A pipeline that is still to be created has no stage; where none is named
    either, its first is called like the first of the default pipeline.

    Also notes each stage's probability, for the column that falls back on it.
    """

    model, key, noun = Stage, "name_key", "Stage"
    can_create = True

    def __init__(self) -> None:
        super().__init__()
        self._pipelines: dict[int, str] = {}
        self._stages: dict[int, dict[str, tuple[int, int]]] = {}

    def clean_column(self, values: Sequence[str], *, column: str) -> Cleaned:
        """Not supported: a stage is never looked up without its pipeline."""
        raise NotImplementedError("A stage depends on its row's pipeline: use the save() of its column.")

    def clean_names(self, cells: Cells, column: str) -> Cleaned:
        """Return the stages' ids; each distinct pair of pipeline and stage is looked up once."""
        self._load()
        texts, pipelines = cells.text(column), cells.stored["pipeline_id"]
        is_named = [bool(text) for text in cells.text("pipeline_name")]
        rows = list(zip(texts, self.folded.fold_column(texts), pipelines, is_named, strict=True))
        found = {row: self._find(*row) for row in set(rows)}
        wrong = {i: error for i, row in enumerate(rows) if (error := found[row][3])}
        self.awaited = {}
        if self.creates_missing:
            wrong = {i: error for i, error in wrong.items() if rows[i][2] or not cells.has_error(i, "pipeline_name")}
            self.awaited = {
                i: (row[1], row[0]) for i, row in enumerate(rows) if found[row][1] is None and i not in wrong
            }
        cells.stored["pipeline_id"] = [found[row][0] for row in rows]
        cells.stage_probabilities = [found[row][2] for row in rows]
        return [found[row][1] for row in rows], wrong

    def _load(self) -> None:
        """Read all pipelines and stages of the tenant, once per import: there are few."""
        if self._pipelines:
            return
        self._pipelines = dict(Pipeline.objects.filter(tenant=self.tenant).values_list("pk", "name"))
        self._stages = defaultdict(dict)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pipeline_id, name_key, id, probability FROM crm_stage WHERE tenant_id = %s"
                " ORDER BY pipeline_id, position, id FOR KEY SHARE",
                [self.tenant.pk],
            )
            for pipeline, key, pk, probability in cursor:
                self._stages[pipeline][key] = (pk, probability)

    def learn(self, key: Any, found: tuple) -> None:
        """Remember a new stage, by pipeline and key: its id and probability."""
        pipeline, name = key
        self._stages[pipeline][name] = found

    def forget(self) -> None:
        """Read all stages again."""
        self._pipelines = {}

    def _find(self, text: str, key: str, pipeline: str | None, is_named: bool) -> tuple:
        """Return pipeline id, stage id, probability (COPY texts), and the error or None."""
        if pipeline is None:
            # An unknown pipeline's message stands alone.
            error = unfit_name(text, "stage_name", Stage) if self.creates_missing and text else None
            return None, None, None, error
        here = self._stages.get(int(pipeline), {})
        homes = [int(pipeline)] if (key in here or not key) else []
        if not homes and not is_named:
            homes = [other for other, stages in self._stages.items() if key in stages]
        if len(homes) > 1:
            return pipeline, None, None, errors.ambiguous(self.noun, text)
        stages = self._stages.get(homes[0], {}) if homes else {}
        if not stages:
            if self.creates_missing:
                return pipeline, None, None, unfit_name(text, "stage_name", Stage) if key else None
            return pipeline, None, None, errors.stage_not_found(text, self._pipelines[int(pipeline)])
        stage, probability = stages[key] if key else next(iter(stages.values()))
        return str(homes[0]), str(stage), str(probability), None


def hints_of(column: Column) -> tuple[str, ...]:
    """Return the other columns that can say which record a column means."""
    return column.widget.hints if isinstance(column.widget, Hinted) else ()


def widget_of(column: Column) -> Reference:
    """Return the widget of a column that refers to records."""
    return cast(Reference, column.widget)


def can_create(column: Column) -> bool:
    """Whether what a column refers to can be created from its name."""
    return isinstance(column.widget, Reference) and column.widget.can_create
