"""What a plan would do by now that it did not say."""

from collections.abc import Iterator

from importexport import ledger
from importexport.ledger import LedgerRow, shown_changes
from importexport.models import ImportRun
from importexport.plans import PlanChanged

#: How many differences are named one by one.
NAMED = 10
#: What became of rows, by number.
Rows = Iterator[tuple[int, list[LedgerRow]]]


def differences(plan: ImportRun, now: ImportRun) -> tuple[list[str], int]:
    """Return sentences for the first rows of which two ledgers say different things, and how many there are."""
    sentences: list[str] = []
    count = 0
    for number, before, after in side_by_side(ledger.grouped(ledger.rows(plan)), ledger.grouped(ledger.rows(now))):
        was, would = [said(row) for row in before], [said(row) for row in after]
        if was != would:
            count += 1
            if len(sentences) < NAMED:
                sentences.append(
                    f"Row {number} was to {', '.join(was) or 'be nothing'}; now: {', '.join(would) or 'nothing'}"
                )
    return sentences, count


def side_by_side(one: Rows, other: Rows) -> Iterator[tuple[int, list[LedgerRow], list[LedgerRow]]]:
    """Yield what two ledgers say of each row."""
    left, right = next(one, None), next(other, None)
    while left or right:
        number = min(side[0] for side in (left, right) if side)
        has_left, has_right = left and left[0] == number, right and right[0] == number
        yield number, left[1] if left and has_left else [], right[1] if right and has_right else []
        left = next(one, None) if has_left else left
        right = next(other, None) if has_right else right


def said(row: LedgerRow) -> str:
    """Return in words what becomes of a row."""
    if row.action == "reject":
        return f"be refused ({'; '.join(sentence for _, _, sentence in row.faults)})"
    if row.action == "unchanged":
        return f"leave record {row.record} as it is"
    if row.action == "create":
        return "create a record" if not row.changes else f"make {row.changes['name'][1]!r} ({row.entity})"
    shown = ", ".join(f"{name} '{before}' → '{after}'" for name, before, after in shown_changes(row))
    return f"{row.action} record {row.record} ({shown})"


def sentence(change: PlanChanged) -> str:
    """Return why a plan cannot be applied."""
    if not change.count:
        return (
            "The plan no longer holds: what its rows would store has changed, for a setting of the tenant, a pipeline"
            " or a stage has. Nothing was stored; plan the file again."
        )
    more = f" And {change.count - len(change.differences)} more rows." if change.count > len(change.differences) else ""
    return f"The plan no longer holds. {'. '.join(change.differences)}.{more} Nothing was stored; plan the file again."
