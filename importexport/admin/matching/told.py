"""How the file of a run was read, told in a line."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from importexport.admin.matching.first_look import UNKNOWN
from importexport.admin.matching.questions import ANSWERS
from importexport.admin.presenters import shown
from importexport.sources.presets import label
from importexport.sources.reading import OURS


def in_words(reading: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """Return how a file was read: ``Recognised as HubSpot · Day first``; "" for one of ours."""
    if not reading:
        return ""
    parts = []
    source = reading.get("source", OURS)
    if source not in (OURS, UNKNOWN):
        text = _("Chosen program: %(program)s") if options.get("source") == source else _("Recognised as %(program)s")
        parts.append(text % {"program": label(source)})
    if sheet := reading.get("sheet"):
        parts.append(_("sheet “%(name)s”") % {"name": shown(sheet)})
    if reading.get("encoding") == "windows-1252":
        parts.append(str(ANSWERS["encoding"]["windows-1252"]))
    parts += [str(ANSWERS[name][reading[name]]) for name in ("dates", "decimal") if reading.get(name) in ANSWERS[name]]
    if name := options.get("saved_mapping"):
        parts.append(_("saved matching “%(name)s”") % {"name": name})
    return " · ".join(parts)
