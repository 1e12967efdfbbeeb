"""Keeps fixes with a run that waits for confirmation; the plan knows of them when it is made again."""

import hashlib
import json

from django.db import transaction
from django.utils import timezone

from crm.matching import fold
from importexport.engine.fixes import CREATE, Fix
from importexport.errors import echo
from importexport.models import ImportRun, RunFix

#: The most fixes of a run, and the most characters of a text that one puts into a cell.
MOST, LONGEST = 5_000, 20_000
State, Status = RunFix.State, ImportRun.Status


class NotFixed(ValueError):
    """A fix cannot be kept, or not be taken back. The text is for the user."""


#: Status → why nothing can be changed in a run.
TOO_LATE = {
    Status.MATCHING: "The columns of this file are being matched again. Make the change in the new preview.",
    Status.PLANNING: "The file is being checked again at this moment. Make the change in the new preview.",
    Status.APPLYING: "This file is being imported at this moment, so nothing can be changed any more.",
    Status.RUNNING: "This file is being imported at this moment, so nothing can be changed any more.",
    Status.DONE: "This file has been imported in the meantime, so nothing can be changed any more.",
    Status.FAILED: "This import has ended in the meantime, so nothing can be changed any more.",
}
GONE = "This preview was discarded in the meantime, so the change was not saved."
TOO_LONG = f"A change can have at most {LONGEST:,} characters. Correct longer text in the file, and import that."
TOO_MANY = (
    f"A preview can have at most {MOST:,} changes. Download the rejected rows as a workbook, correct them there, and"
    " import that."
)
NO_SUCH_FIX = "This change was taken back in the meantime."


def changed_by(other: RunFix) -> str:
    """Return why a cell is not changed that somebody else has changed in the meantime."""
    text = f"to “{echo(other.new)}”" if other.new else "to an empty one"
    return f"{other.actor} has changed this cell {text} in the meantime. Look at it, and change it again if you want."


def key_of(fix: Fix) -> str:
    """Return the digest of what a fix is about: of two fixes with the same, the later one counts."""
    name = fold(fix.new) if fix.kind == CREATE else ""
    about = [fix.kind, fix.number, fix.column, fix.code, fix.sentence, "" if fix.number else fix.old, name]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def version_of(fix: RunFix | None) -> str:
    """Return what tells a fix from one that somebody else makes of the same cell; "" for none."""
    return fix.made_at.isoformat() if fix and fix.state != State.REVOKED else ""


@transaction.atomic
def keep(run: ImportRun, fix: Fix, *, rows: int | None, seen: str | None = None) -> RunFix:
    """Keep a fix with a plan, which is refreshed; return it as it is kept.

    ``rows`` is how many rows it is likely to be applied to. With ``seen``, the version that the user has seen of a
    cell, raises NotFixed if somebody else has changed the cell since. Raises NotFixed also if the run is no plan (any
    more), and for too long a text or too many fixes.
    """
    if len(fix.new) > LONGEST:
        raise NotFixed(TOO_LONG)
    lock_plan(run)
    key = key_of(fix)
    kept = _kept(run, key, seen)
    if kept is None:
        if run.fix_count >= MOST:
            raise NotFixed(TOO_MANY)
        kept = RunFix(tenant_id=run.tenant_id, run=run, key=key)
    elif kept.state == State.PLANNED and (kept.new, kept.actor) == (fix.new, fix.by):
        return kept
    elif kept.state != State.NEW:
        kept.state = State.CHANGED
    kept.kind, kept.number, kept.column, kept.code = RunFix.Kind(fix.kind), fix.number, fix.column, fix.code
    kept.sentence, kept.old, kept.new = fix.sentence, fix.old, fix.new
    kept.actor, kept.rows, kept.made_at, kept.error = fix.by, rows, timezone.now(), ""
    kept.save()
    _count(run)
    return kept


def _kept(run: ImportRun, key: str, seen: str | None) -> RunFix | None:
    """Return what is kept about the same; raise NotFixed if it is not what the user has seen."""
    kept = RunFix.objects.filter(tenant=run.tenant_id, run=run, key=key).first()
    if seen is not None and version_of(kept) != seen:
        raise NotFixed(changed_by(kept) if kept and version_of(kept) else NO_SUCH_FIX)
    return kept


@transaction.atomic
def restore(run: ImportRun, fix: Fix, *, seen: str | None) -> None:
    """Take back what a fix has changed about a cell, if anything has. Raises NotFixed like ``keep``."""
    lock_plan(run)
    kept = _kept(run, key_of(fix), seen)
    if kept and version_of(kept):
        revoke(run, kept.pk)


@transaction.atomic
def revoke(run: ImportRun, fix_id: int) -> RunFix:
    """Take a fix of a plan back; return it. Raises NotFixed like ``keep``, and if it was taken back already."""
    lock_plan(run)
    kept = RunFix.objects.filter(tenant=run.tenant_id, run=run, pk=fix_id).exclude(state=State.REVOKED).first()
    if kept is None:
        raise NotFixed(NO_SUCH_FIX)
    if kept.state == State.NEW:
        RunFix.objects.filter(pk=kept.pk).delete()
    else:
        kept.state = State.REVOKED
        kept.save(update_fields=["state"])
    _count(run)
    return kept


def settle(run: ImportRun) -> None:
    """Forget the fixes that were taken back, and note of the others that the plan knows them: it is made again."""
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run)
    found.filter(state=State.REVOKED).delete()
    found.exclude(state=State.PLANNED).update(state=State.PLANNED)


def forget_fixes(run: ImportRun) -> None:
    """Delete the fixes of a run whose rows are others now."""
    RunFix.objects.filter(tenant=run.tenant_id, run=run).delete()
    ImportRun.objects.filter(pk=run.pk).update(fix_count=0, fixes_pending=0)


def lock_plan(run: ImportRun) -> None:
    """Keep a plan as it is until the end of the transaction; the run is refreshed. Raises NotFixed if it is none."""
    found = ImportRun.objects.select_for_update(no_key=True).filter(tenant=run.tenant_id, pk=run.pk)
    if not (now := found.values("status", "fix_count", "fixes_pending", "kind").first()):
        raise NotFixed(GONE)
    run.status, run.fix_count, run.fixes_pending = now["status"], now["fix_count"], now["fixes_pending"]
    if run.status != Status.PLANNED:
        raise NotFixed(TOO_LATE[Status(run.status)])
    if run.kind != ImportRun.Kind.IMPORT:
        raise NotFixed("An undo has no rows that could be changed.")


def check_plan(run: ImportRun) -> None:
    """Raise NotFixed if a run is no plan (any more), with the reason."""
    with transaction.atomic():
        lock_plan(run)


def _count(run: ImportRun) -> None:
    """Note how many fixes there are, and how many the plan does not know of."""
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run)
    run.fix_count = found.exclude(state=State.REVOKED).count()
    run.fixes_pending = found.exclude(state=State.PLANNED).count()
    ImportRun.objects.filter(pk=run.pk).update(fix_count=run.fix_count, fixes_pending=run.fixes_pending)


def note_error(kept: RunFix, sentence: str) -> None:
    """Note what is still wrong with what was changed."""
    if kept.error != sentence:
        kept.error = sentence
        RunFix.objects.filter(tenant=kept.tenant_id, pk=kept.pk).update(error=sentence)
