"""Structured logging: one JSON object per line. JSON escapes line breaks, so user input cannot forge a line."""

import datetime
import json
import logging
from contextvars import ContextVar

refused = logging.getLogger("rally.refused")
#: The id of the request that this thread is processing.
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class JsonFormatter(logging.Formatter):
    """Formats time, level, logger, request id, message, and the ``fields`` of a record."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", None) or request_id.get(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class RefusalHandler(logging.Handler):
    """Logs a request that Django refuses as suspicious (``django.security``) in one line, as a warning.

    Django logs it as an error with a traceback, as if it were a bug, though anybody can type such an address.
    """

    def emit(self, record: logging.LogRecord) -> None:
        request, kind = getattr(record, "request", None), record.name.rpartition(".")[2]
        fields = {"method": request.method, "path": request.path} if request else {}
        if status := getattr(record, "status_code", None):
            fields["status"] = status
        refused.warning("%s: %s", kind, record.getMessage(), extra={"fields": fields})
