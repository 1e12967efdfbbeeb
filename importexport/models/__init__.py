"""What the channels keep: every import, what became of each of its rows, and how often a tenant asks."""

from importexport.models.api_requests import KeptAnswer, RateWindow
from importexport.models.fields import JsonText
from importexport.models.import_run import ImportRun, UploadPart
from importexport.models.row_log import RejectedRow, RowChange, RowLogPage

__all__ = ["ImportRun", "JsonText", "KeptAnswer", "RateWindow", "RejectedRow", "RowChange", "RowLogPage", "UploadPart"]
