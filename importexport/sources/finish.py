"""What takes several columns at once: full names, deals that are won or lost, kinds of rows, labelled numbers."""

from collections.abc import Callable, Sequence

from crm.characters import trim
from crm.currencies import meant_by
from importexport import errors
from importexport.files.header import fold_label
from importexport.sources.dates import joined_time
from importexport.sources.fill import Filled
from importexport.sources.names import completed_name
from importexport.sources.values import value_maps

#: Fills further columns of a batch from those that are filled already.
Finish = Callable[[Filled], None]
#: What became of a deal → its stage and probability. They are stages of every new tenant.
RESULTS = {"won": ("Closed Won", "100"), "lost": ("Closed Lost", "0")}
#: The column of the signs and codes of currencies that stand beside amounts.
CURRENCY_MARK = "currency_mark"
#: The most characters of a first line that becomes a subject.
SUBJECT = 255


def _column(filled: Filled, name: str, count: int) -> list[str]:
    return list(filled.columns.get(name, [""] * count))


def _fill_up(filled: Filled, name: str, others: Sequence[str]) -> None:
    """Fill the blanks of a column from other cells of the same rows."""
    values = _column(filled, name, len(others))
    filled.columns[name] = [value if trim(value) else other for value, other in zip(values, others, strict=True)]


def split_names(header: str) -> Finish:
    """Return the function that fills blank first and last names from full ones under a header.

    It tells full names that say more than the names that are there.
    """

    def finish(filled: Filled) -> None:
        names = filled.columns.pop("full_name")
        first, last = _column(filled, "first_name", len(names)), _column(filled, "last_name", len(names))
        for i, name in enumerate(map(trim, names)):
            given = trim(first[i]), trim(last[i])
            if not all(given) and (parts := completed_name(name, *given)):
                first[i], last[i] = parts
            elif not words(name) <= words(" ".join(given)):
                filled.warn(i, "first_name", errors.second_value("first_name", name, header))
        filled.columns |= {"first_name": first, "last_name": last}

    return finish


def words(name: str) -> set[str]:
    """Return the words of a name, in whatever order, case and with whatever commas it is written."""
    return set(name.casefold().replace(",", " ").split())


def settle_deals(header: str, stage_header: str) -> Finish:
    """Return the function that gives deals that are won or lost the stage and probability of such.

    That counts whatever their stage is beside it, under ``stage_header``, which it tells; so it does a status under the
    header that nobody knows.
    """

    def finish(filled: Filled) -> None:
        statuses = filled.columns.pop("deal_status")
        known = value_maps()["deal_status"]
        stages, chances = (_column(filled, name, len(statuses)) for name in ("stage_name", "probability"))
        for i, status in enumerate(statuses):
            meant = known.get(fold_label(status), "")
            if result := RESULTS.get(meant):
                stage, chances[i] = result
                if fold_label(stages[i]) != fold_label(stage):
                    if before := trim(stages[i]):
                        filled.warn(i, "stage_name", errors.translated(before, stage_header, stage))
                    stages[i] = stage
            elif trim(status) and not meant:
                filled.warn(i, "stage_name", errors.translated(trim(status), header, "open"))
        filled.columns |= {"stage_name": stages, "probability": chances}

    return finish


def settle_currencies(header: str, usual: str) -> Finish:
    """Return the function that gives records the currency beside their amount under a header, where that is clear.

    It tells a sign that does not stand for the record's currency; ``usual`` is that of records without one.
    """

    def finish(filled: Filled) -> None:
        marks = filled.columns.pop(CURRENCY_MARK)
        currencies = _column(filled, "currency", len(marks))
        for i, mark in enumerate(marks):
            possible = meant_by(mark) if mark else frozenset()
            given = trim(currencies[i])
            if len(possible) == 1 and not given:
                (currencies[i],) = possible
            elif possible and (given or usual).upper() not in possible:
                filled.warn(i, "currency", errors.other_currency(mark, header, given or usual))
        filled.columns["currency"] = currencies

    return finish


def reject_others(wanted: str, entity: str) -> Finish:
    """Return the function that rejects rows of another kind than ``wanted``."""

    def finish(filled: Filled) -> None:
        for i, kind in enumerate(filled.columns.pop("row_kind")):
            if trim(kind) and fold_label(kind) != fold_label(wanted):
                filled.faults[i][""] = errors.other_kind(trim(kind), entity)

    return finish


def reject_nameless(header: str) -> Finish:
    """Return the function that rejects rows whose cell under a header is blank; it comes before ``split_names``."""

    def finish(filled: Filled) -> None:
        for i, name in enumerate(filled.columns["full_name"]):
            if not trim(name):
                filled.faults[i][""] = errors.names_nobody(header)

    return finish


def fill_blanks(column: str, text: str) -> Finish:
    """Return the function that fills a column's blanks with a text."""

    def finish(filled: Filled) -> None:
        count = len(next(iter(filled.columns.values()), ()))
        _fill_up(filled, column, [text] * count)

    return finish


def add_times(date_column: str) -> Finish:
    """Return the function that fills scheduled_at from the dates of a column and the times of day of another."""

    def finish(filled: Filled) -> None:
        times = filled.columns.pop("time_of_day")
        dates = _column(filled, date_column, len(times))
        moments = [joined_time(trim(date), trim(time)) for date, time in zip(dates, times, strict=True)]
        _fill_up(filled, "scheduled_at", moments)

    return finish


def first_lines(source: str, target: str) -> Finish:
    """Return the function that fills a column's blanks with the first line of another."""

    def finish(filled: Filled) -> None:
        lines = (trim(text).split("\n", 1)[0].strip() for text in filled.columns.get(source, ()))
        _fill_up(filled, target, [line if len(line) <= SUBJECT else "" for line in lines])

    return finish


def defaults(source: str, target: str) -> Finish:
    """Return the function that fills a column's blanks from another."""

    def finish(filled: Filled) -> None:
        if source in filled.columns:
            _fill_up(filled, target, filled.columns[source])

    return finish
