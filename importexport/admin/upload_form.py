"""Uploads by form, checked before they are stored."""

import logging

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _

from importexport import errors
from importexport.admin import labels, option_form
from importexport.engine.options import OptionError, Options
from importexport.engine.resource import EntityResource
from importexport.files.signatures import check_kind
from importexport.http.bodies import BESIDES, HEAD, deadline
from importexport.http.forms import keep_file_names

logger = logging.getLogger("rally.storage")
FIELD = "file"


class UploadError(Exception):
    """An upload that is rejected: a message for the user and an HTTP status."""

    def __init__(self, sentence: str, status: int = 200) -> None:
        super().__init__(sentence)
        self.status = status


def read_form(request: HttpRequest) -> None:
    """Read the request body within a time limit; raise UploadError if it is too large or incomplete.

    A body that is too large by its Content-Length is rejected unread.
    """
    keep_file_names(request)
    announced = request.META.get("CONTENT_LENGTH") or ""
    if announced.isdecimal() and int(announced) > settings.RALLY_IMPORT_MAX_BYTES + BESIDES:
        raise too_large(status=413)
    bounds = {"whole": settings.RALLY_UPLOAD_TIMEOUT, "idle": settings.RALLY_UPLOAD_IDLE_TIMEOUT}
    try:
        with deadline(request.META.get("gunicorn.socket"), **bounds):
            request.POST  # noqa: B018 - accessing it reads the body
    # Django raises TypeError for a part with a contradictory header (filename*=…; filename*1*=…).
    except (UnreadablePostError, MultiPartParserError, TypeError):
        raise UploadError(_("The upload was incomplete. Please send the file again."), 400) from None
    except OSError as error:
        # The disk is full, to which Django writes the file while it comes in.
        full = errors.StorageUnavailable(is_full=True)
        full.__cause__ = error
        raise not_stored(full) from None
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        raise UploadError(_("The form contains more than one file. Please choose the file again."), 400) from None


def received_file(request: HttpRequest) -> UploadedFile:
    """Return the uploaded file; raise UploadError if there is none or it cannot be CSV."""
    file = request.FILES.get(FIELD)
    if file is None:
        raise UploadError(_("Choose a file first."))
    if not file.size:
        raise UploadError(_("This file is empty. Choose one with a header and at least one row."))
    if file.size > settings.RALLY_IMPORT_MAX_BYTES:
        raise too_large()
    try:
        check_kind(file.read(HEAD))
    except errors.NotCsv as error:
        raise UploadError(str(error)) from None
    file.seek(0)
    return file


def received_options(request: HttpRequest, resource: type[EntityResource]) -> Options:
    """Return the options submitted with the form; raise UploadError for values the form does not offer."""
    try:
        return option_form.read_choice(request.POST, resource)
    except OptionError as error:
        raise UploadError(str(error)) from None


def not_stored(error: errors.StorageUnavailable) -> UploadError:
    """Return the error for a file that the storage did not take, and log why."""
    logger.error("Storage of uploads unavailable for a form", exc_info=error)
    return UploadError(str(error), 503)


def too_large(*, status: int = 200) -> UploadError:
    """Return the error for a file over the size limit."""
    limit = labels.size(settings.RALLY_IMPORT_MAX_BYTES)
    text = _("This file is too large: at most %(limit)s can be imported here. Split it into several files.")
    return UploadError(text % {"limit": limit}, status)
