"""A prepared export as JSON, for the API and for webhooks."""

from typing import Any

from crm.timestamps import timestamp
from importexport.http.paths import BASE
from importexport.models.prepared_export import PreparedExport


def path_of_export(export: PreparedExport) -> str:
    """Return the path of an export."""
    return f"{BASE}/exports/{export.pk}"


def export_json(export: PreparedExport) -> dict[str, Any]:
    """Return a prepared export as JSON."""
    is_ready = export.status == PreparedExport.Status.READY
    return {
        "id": str(export.pk),
        "entity": export.entity,
        "format": export.file_format,
        "query": export.query,
        "status": export.status,
        "actor": export.actor,
        "schedule": export.schedule_id,
        "destination": export.destination or None,
        "sentAt": timestamp(export.sent_at),
        "createdAt": timestamp(export.created_at),
        "startedAt": timestamp(export.started_at),
        "finishedAt": timestamp(export.finished_at),
        "expiresAt": timestamp(export.expires_at),
        "size": export.size,
        "sha256": export.sha256 or None,
        "file": f"{path_of_export(export)}/file" if is_ready else None,
        "error": export.error or None,
    }
