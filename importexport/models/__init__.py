"""What the doors keep: every import, what became of each of its rows, and how often a tenant asks."""

from importexport.models.api_requests import KeptAnswer, RateWindow
from importexport.models.fields import JsonText
from importexport.models.import_run import ImportRun, UploadPart
from importexport.models.row_log import LedgerPage, RowChange, SkippedRow

__all__ = ["ImportRun", "JsonText", "KeptAnswer", "LedgerPage", "RateWindow", "RowChange", "SkippedRow", "UploadPart"]
