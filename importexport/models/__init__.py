"""Import runs, their row logs, schedules, webhooks, and the API's idempotency and rate limit state."""

from importexport.models.api_requests import KeptAnswer, RateWindow
from importexport.models.export_columns import ExportColumns
from importexport.models.export_json import export_json, path_of_export
from importexport.models.fields import JsonText
from importexport.models.import_run import ImportRun
from importexport.models.lease import Lease
from importexport.models.prepared_export import PreparedExport
from importexport.models.row_log import BY_MONTH, RejectedRow, RowChange, RowLogPage
from importexport.models.run_fix import RunFix
from importexport.models.run_json import run_json
from importexport.models.saved_mapping import SavedMapping
from importexport.models.schedule import Schedule
from importexport.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "BY_MONTH",
    "ExportColumns",
    "ImportRun",
    "JsonText",
    "KeptAnswer",
    "Lease",
    "PreparedExport",
    "RateWindow",
    "RejectedRow",
    "RowChange",
    "RowLogPage",
    "RunFix",
    "SavedMapping",
    "Schedule",
    "Webhook",
    "WebhookDelivery",
    "export_json",
    "path_of_export",
    "run_json",
]
