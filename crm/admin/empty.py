"""What a list says when it is empty: why, and what to do next."""

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.utils.translation import gettext as _

#: The longest search that is repeated to the user.
REPEATED = 60


class NextStep(NamedTuple):
    """A button: its label, icon and address."""

    label: Any
    icon: str
    address: str


@dataclass(frozen=True)
class EmptyList:
    """The words and buttons of a list without records. The first button is the one to try first."""

    icon: str
    title: str
    text: str
    steps: list[NextStep]


def nothing_found(listed: ChangeList) -> EmptyList | None:
    """Return what to say if a search or filter leaves nothing of a list; None without either."""
    filters, query = listed.get_filters_params(), listed.query
    if not filters and not query:
        return None
    names = {"records": listed.opts.verbose_name_plural, "query": shortened(query)}
    everything = NextStep(_("Show all %(records)s") % names, "list", "?")
    if not query:
        text = _("Choose fewer filters, or look at all %(records)s.") % names
        return EmptyList("filter_list_off", _("No %(records)s match these filters") % names, text, [everything])
    title = _("No %(records)s match “%(query)s”") % names
    text = _("Check the spelling, or search for a shorter text.")
    if not filters:
        return EmptyList("search_off", title, text, [everything])
    without = NextStep(_("Search without the filters"), "filter_list_off", "?" + urlencode({SEARCH_VAR: query}))
    return EmptyList("search_off", _("%(title)s with these filters") % {"title": title}, text, [without, everything])


def shortened(text: str) -> str:
    """Return a search as it is repeated to the user."""
    return text if len(text) <= REPEATED else f"{text[: REPEATED - 1]}…"
