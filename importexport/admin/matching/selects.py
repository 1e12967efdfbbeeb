"""Select boxes of which a page has hundreds: their options are made once for each that is selected."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class Select:
    """Makes select boxes with the same ``choices``, each a value and its text."""

    def __init__(self, choices: Sequence[tuple[str, str]]) -> None:
        self._choices = choices
        self._made: dict[str, SafeString] = {}

    def __call__(self, name: str, label: str, chosen: str, *, first: Sequence[tuple[str, str]] = ()) -> SafeString:
        """Return the select box of a field; ``first`` are choices of its own, above the others."""
        return format_html(
            '<select name="{}" aria-label="{}">{}{}</select>',
            name,
            label,
            options(first, chosen),
            self._options("" if any(value == chosen for value, _ in first) else chosen),
        )

    def _options(self, chosen: str) -> SafeString:
        if chosen not in self._made:
            self._made[chosen] = options(self._choices, chosen)
        return self._made[chosen]


def options(choices: Sequence[tuple[str, str]], chosen: str) -> SafeString:
    """Return the options of a select box."""
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((value, SafeString(" selected") if value == chosen else "", text) for value, text in choices),
    )
