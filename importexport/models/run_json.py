"""A run as JSON, for the API and for webhooks."""

from typing import Any

from crm.timestamps import timestamp
from importexport.models.import_run import ImportRun


def run_json(run: ImportRun) -> dict[str, Any]:
    """Return a run as it appears in lists."""
    counts = run.counts
    return {
        "id": str(run.pk),
        "kind": run.kind,
        "entity": run.entity,
        "status": run.status,
        "channel": run.channel,
        "door": run.channel,  # The former name of channel; fault and family are those of error and relatedRuns.
        "actor": run.actor,
        "fileName": run.file_name,
        "size": run.size,
        "sha256": run.sha256 or None,
        "createdAt": timestamp(run.created_at),
        "finishedAt": timestamp(run.finished_at),
        "options": run.options,
        "rowsDone": run.rows_done,
        "totalRows": run.total_rows,
        "imported": run.imported,
        "skipped": run.skipped,
        "warningCount": run.warning_count,
        "created": counts.get("create", 0),
        "updated": counts.get("update", 0),
        "unchanged": counts.get("unchanged", 0),
        "deleted": counts.get("delete", 0),
        "conflicts": counts.get("conflict", 0),
        "undoneRows": run.undone_rows,
        "references": run.references,
        "fixes": run.fix_count,
        "schedule": run.schedule_id,
        "parent": str(run.parent_id) if run.parent_id else None,
        "error": run.error or None,
        "fault": run.error or None,
    }
