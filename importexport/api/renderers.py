"""The media types of files, for content negotiation. The views stream the files themselves, so nothing is rendered."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer


class FileRenderer(BaseRenderer):
    """A file as the view made it."""

    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        return data


class CsvRenderer(FileRenderer):
    """A CSV file."""

    media_type = "text/csv"
    format = "csv"


class ExcelRenderer(FileRenderer):
    """An XLSX file."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"


class EventRenderer(FileRenderer):
    """Server-sent events."""

    media_type = "text/event-stream"
    format = "events"
