"""HTML → text, for the notes and bodies of programs whose editors write HTML.

Python's parser takes for ever for some texts, and fails at others (``<![``). This one reads each character once.
"""

import html
import re
from collections.abc import Iterator

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
#: A character reference: without one and without a tag, a text is no HTML.
_REFERENCE = re.compile("&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]*);")
#: Tags that Office adds: ``<o:p>``.
_OFFICE = ("o:", "w:", "v:", "m:", "st1:")
_OPENING = r"</?(?P<tag>[A-Za-z][A-Za-z0-9:]*+)(?=[\s/>])"
#: A tag; one whose quotation marks do not close.
_TAG = re.compile(rf"""{_OPENING}(?P<rest>(?>(?:[^<>"']++|"[^"]*+"|'[^']*+')*))>""")
_CARELESS_TAG = re.compile(rf"{_OPENING}(?P<rest>[^<>]*+)>")
_BEGINNING = re.compile(_OPENING)
_HREF = re.compile(r"""(?<!\S)href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_UNSEEN = frozenset(["script", "style", "head", "title", "template"])
#: Longer texts are left as they are: they are far too long for any column, and may have been made to take for ever.
LIMIT = 200_000


class _Text:
    """Collects the text of a document: blocks on lines of their own, list items with a dash, addresses behind links.

    What only looks like a tag is text. White space counts in ``pre``, and in a text that no block gives its lines.
    """

    def __init__(self, text: str) -> None:
        self._text, self._parts = text, list[str]()
        self._kept = 0
        #: The address of the link that is open, and where its text starts. Links do not nest.
        self._link: tuple[str, int] | None = None
        self._tag = _TAG
        #: What has been looked for up to the end of the text, and is not there.
        self._absent: set[str] = set()

    def read(self) -> str:
        """Return the text."""
        tags = list(self._tokens())
        self._kept = 0 if any(tag and tag["tag"].lower() in _BLOCKS for tag, _ in tags) else 1
        for tag, data in tags:
            if tag is None:
                self._add_data(data)
            elif data.startswith("</"):
                self._end(tag["tag"].lower())
            else:
                self._start(tag["tag"].lower(), tag["rest"])
        return "".join(self._parts)

    def _tokens(self) -> Iterator[tuple[re.Match[str] | None, str]]:
        """Yield the pieces of the text, those that are a tag with its match."""
        done = 0
        for opening in re.finditer(r"<(?=[A-Za-z/!?])", self._text):
            start = opening.start()
            if start < done:
                continue
            tag = self._tag_at(start)
            end = tag.end() if tag else self._end_of_comment(start)
            if not end:
                continue
            if done < start:
                yield None, self._text[done:start]
            done = end
            if tag:
                yield tag, tag[0]
                done = self._end_of_unseen(tag["tag"].lower(), tag[0], end)
        yield None, self._text[done:]

    def _tag_at(self, start: int) -> re.Match[str] | None:
        beginning = _BEGINNING.match(self._text, start)
        if not (beginning and is_tag(beginning)):
            return None
        tag = self._tag.match(self._text, start)
        if tag is None:
            # Each quotation mark that does not close would be looked for up to the end.
            self._tag = _CARELESS_TAG
            tag = self._tag.match(self._text, start)
        return tag

    def _end_of_comment(self, start: int) -> int:
        """Return where a comment or declaration ends, 0 if there is none."""
        if self._text.startswith("<!--", start):
            return self._find("-->", start + 4)
        if self._text.startswith("<![CDATA[", start):
            return self._find("]]>", start)
        return self._find(">", start) if self._text[start + 1] in "!?" else 0

    def _end_of_unseen(self, name: str, tag: str, end: int) -> int:
        """Return where what nobody sees ends, behind its tag; if its end is missing, all of it is seen."""
        if name not in _UNSEEN or tag.startswith("</") or tag.endswith("/>"):
            return end
        return max(end, self._find(f"</{name}", end) - len(name) - 2)

    def _find(self, sign: str, start: int) -> int:
        """Return where the next such sign ends, whatever its case, 0 if there is none."""
        if sign in self._absent:
            return 0
        found = re.compile(re.escape(sign), re.IGNORECASE).search(self._text, start)
        if found is None:
            self._absent.add(sign)
        return found.end() if found else 0

    def _start(self, name: str, rest: str) -> None:
        self._kept += name == "pre"
        if name in ("td", "th"):
            self._parts.append("" if self._is_at_start else "\t")
        elif name in _BLOCKS:
            self._parts.append("\n")
        if name == "li":
            self._parts.append("- ")
        if name == "a":
            self._end_link()
            href = _HREF.search(rest)
            self._link = html.unescape(next(filter(None, href.groups()), "")) if href else "", len(self._parts)

    def _end(self, name: str) -> None:
        self._kept -= name == "pre" and self._kept > 0
        if name in _BLOCKS and name not in ("td", "th"):
            self._parts.append("\n")
        if name == "a":
            self._end_link()

    def _add_data(self, data: str) -> None:
        text = _REFERENCE.sub(lambda found: html.unescape(found[0]), data)
        if not self._kept:
            text = re.sub(r"\s+", " ", text)
            text = text.lstrip() if self._is_at_start else text
        if text:
            self._parts.append(text)

    @property
    def _is_at_start(self) -> bool:
        return not self._parts or self._parts[-1].endswith("\n")

    def _end_link(self) -> None:
        """Add the address of the link that is open, unless it is its text."""
        address, start = self._link or ("", 0)
        self._link = None
        shown = "".join(self._parts[start:]).strip() if address else ""
        target = address.strip().removeprefix("mailto:").removeprefix("tel:")
        if re.match(r"(?:https?:|mailto:|tel:)", address.strip(), re.IGNORECASE) and bare(shown) != bare(target):
            self._parts.append(f" ({target})" if shown else target)


def is_tag(found: re.Match[str]) -> bool:
    """Whether what looks like a tag is one. An address in angle brackets is none."""
    name = found["tag"].lower()
    return name in _TAGS or name.startswith(_OFFICE)


def is_html(text: str) -> bool:
    """Whether a text has a tag or a character reference."""
    return _REFERENCE.search(text) is not None or any(map(is_tag, _CARELESS_TAG.finditer(text)))


def bare(address: str) -> str:
    """Return an address as people write it: without the scheme and a last slash."""
    return re.sub(r"^https?://(?:www\.)?", "", address.strip().lower()).rstrip("/")


def html_text(text: str) -> str:
    """Return the text of an HTML fragment; a text without tags and character references stays as it is."""
    if len(text) > LIMIT or not is_html(text):
        return text
    lines = (line.rstrip(" \t\xa0") for line in _Text(text).read().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
