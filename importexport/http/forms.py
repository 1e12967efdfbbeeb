"""Forms with files that keep the names which users have given them."""

import re
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict

#: What a file name cannot have: control characters, and those that turn the direction of writing.
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class FormParser(MultiPartParser):
    """Django's parser of forms, but a file keeps its name.

    Django drops spaces such as U+202F, which macOS puts into names, and takes ``R&amp;D.csv`` for ``R&D.csv``.
    """

    def sanitize_file_name(self, file_name: str) -> str | None:
        """Return the name without directories and control characters; None if nothing is left."""
        name = _NOT_IN_NAMES.sub("", re.split(r"[/\\]", file_name)[-1])
        # Browsers write a quote like this, and leave percent signs as they are.
        name = name.replace("%22", '"')
        return None if name in {"", ".", ".."} else name


def keep_file_names(request: HttpRequest) -> None:
    """Have the form of a request read by FormParser, as soon as somebody asks for it."""

    def parse(meta: Any, body: Any) -> tuple[QueryDict, MultiValueDict]:
        return FormParser(meta, body, request.upload_handlers, request.encoding).parse()

    request.parse_file_upload = parse  # type: ignore[assignment,method-assign]
