"""What the doors keep: every import, what became of each of its rows, and how often a tenant asks."""

from importexport.models.fields import JsonText
from importexport.models.ledger import LedgerPage, RowChange, SkippedRow
from importexport.models.requests import KeptAnswer, RateWindow
from importexport.models.run import ImportRun, UploadPart

__all__ = ["ImportRun", "JsonText", "KeptAnswer", "LedgerPage", "RateWindow", "RowChange", "SkippedRow", "UploadPart"]
