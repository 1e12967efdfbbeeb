"""HTML → text, for the notes and bodies of programs whose editors write HTML."""

import re
from html.parser import HTMLParser

#: A tag or a character reference: without one, a text is no HTML.
_IS_HTML = re.compile(r"</?[A-Za-z][^<>]*>|&(?:#[0-9]+|#x[0-9A-Fa-f]+|[A-Za-z]+);")
_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2", "h3",
        "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
    )
)  # fmt: skip
_UNSEEN = frozenset(["script", "style", "head", "title", "template"])
#: Longer texts are left as they are: they are far too long for any column, and may have been made to take for ever.
LIMIT = 200_000


class _Text(HTMLParser):
    """Collects the text of a document: blocks on lines of their own, list items with a dash."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("- ")
        if tag in ("td", "th"):
            self.parts.append("\t")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def html_text(text: str) -> str:
    """Return the text of an HTML fragment; a text without tags and character references stays as it is."""
    if len(text) > LIMIT or not _IS_HTML.search(text):
        return text
    parser = _Text()
    parser.feed(text)
    parser.close()
    lines = (line.strip(" \t\xa0") for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
