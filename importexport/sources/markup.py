"""HTML → text, for the notes and bodies of programs whose editors write HTML."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2", "h3",
        "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr",
        "ul",
    )
)  # fmt: skip
_TAGS = _BLOCKS | frozenset(
    (
        "a", "abbr", "acronym", "area", "audio", "b", "base", "bdi", "bdo", "big", "body", "button", "caption",
        "center", "cite", "code", "col", "colgroup", "data", "del", "dfn", "em", "embed", "fieldset", "figcaption",
        "figure", "font", "head", "html", "i", "iframe", "img", "input", "ins", "kbd", "label", "legend", "link", "map",
        "mark", "meta", "noscript", "object", "option", "picture", "q", "s", "samp", "script", "select", "small",
        "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "tbody", "template", "textarea",
        "tfoot", "thead", "time", "title", "tt", "u", "var", "video", "wbr",
    )
)  # fmt: skip
#: Tags that Office adds: ``<o:p>``.
_OFFICE = ("o:", "w:", "v:", "m:", "st1:")
#: A tag or a character reference: without one, a text is no HTML. An address in angle brackets is no tag.
_IS_HTML = re.compile(
    rf"</?(?:{'|'.join(sorted(_TAGS))})(?=[\s/>])[^<>]*>|&(?:#[0-9]+|#x[0-9A-Fa-f]+|[A-Za-z]+);", re.IGNORECASE
)
_HAS_BLOCKS = re.compile(rf"</?(?:{'|'.join(sorted(_BLOCKS))})(?=[\s/>])", re.IGNORECASE)
_UNSEEN = frozenset(["script", "style", "head", "title", "template"])
#: Longer texts are left as they are: they are far too long for any column, and may have been made to take for ever.
LIMIT = 200_000


class _Text(HTMLParser):
    """Collects the text of a document: blocks on lines of their own, list items with a dash, addresses behind links.

    What only looks like a tag is text. White space counts in ``pre``, and in a text that no block gives its lines.
    """

    def __init__(self, *, has_blocks: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._kept = 0 if has_blocks else 1
        #: The address of the link that is open, and where its text starts. Links do not nest.
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not is_tag(tag):
            self._add(self.get_starttag_text() or "")
            return
        self._unseen = 0 if tag == "body" else self._unseen + (tag in _UNSEEN)
        self._kept += tag == "pre"
        if tag in ("td", "th"):
            self._add("" if self._is_at_start else "\t")
        elif tag in _BLOCKS:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("- ")
        if tag == "a":
            self._end_link()
            self._link = dict(attrs).get("href") or "", len(self.parts)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if is_tag(tag):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not is_tag(tag):
            self._add(f"</{tag}>")
            return
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        self._kept -= tag == "pre" and self._kept > 0
        if tag in _BLOCKS and tag not in ("td", "th"):
            self.parts.append("\n")
        if tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._kept:
            self._add(data)
        else:
            text = re.sub(r"\s+", " ", data)
            self._add(text.lstrip() if self._is_at_start else text)

    @property
    def _is_at_start(self) -> bool:
        return not self.parts or self.parts[-1].endswith("\n")

    def _add(self, text: str) -> None:
        if text and not self._unseen:
            self.parts.append(text)

    def _end_link(self) -> None:
        """Add the address of the link that is open, unless it is its text."""
        address, start = self._link or ("", 0)
        self._link = None
        shown = "".join(self.parts[start:]).strip() if address else ""
        target = address.strip().removeprefix("mailto:").removeprefix("tel:")
        if re.match(r"(?:https?:|mailto:|tel:)", address.strip(), re.IGNORECASE) and bare(shown) != bare(target):
            self._add(f" ({target})" if shown else target)


def is_tag(name: str) -> bool:
    """Whether HTML, or Office, has a tag of that name."""
    return name in _TAGS or name.startswith(_OFFICE)


def bare(address: str) -> str:
    """Return an address as people write it: without the scheme and a last slash."""
    return re.sub(r"^https?://(?:www\.)?", "", address.strip().lower()).rstrip("/")


def html_text(text: str) -> str:
    """Return the text of an HTML fragment; a text without tags and character references stays as it is."""
    if len(text) > LIMIT or not _IS_HTML.search(text):
        return text
    parser = _Text(has_blocks=_HAS_BLOCKS.search(text) is not None)
    parser.feed(text)
    parser.close()
    lines = (line.rstrip(" \t\xa0") for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
