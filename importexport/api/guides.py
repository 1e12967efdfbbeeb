"""The pages of `docs/` as HTML, for `/api/docs/…`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER: Path = settings.BASE_DIR / "docs"
#: Name of a page in its URL → short title, in the order of the navigation.
TITLES = {
    "integrate": "Integrate", "import": "Imports", "migrating": "Other programs", "programs": "Add a program",
    "api": "Behaviour", "scaling": "Scaling",
}  # fmt: skip
#: The tokens of the heading with which a page begins.
HEADING = 3
#: A link from one page to another, as written in the files.
_TO_PAGE = re.compile(r"(?:docs/)?(\w+)\.md(#.*)?\Z")


@dataclass(frozen=True)
class Guide:
    """A page: its short title, its heading, the HTML below that, and its sections, as anchors and titles."""

    title: str
    heading: str
    html: str
    sections: list[tuple[str, str]]


@cache
def guide(name: str) -> Guide:
    """Return a page; raise KeyError for an unknown name."""
    title = TITLES[name]
    # Without raw HTML: pages only contain what Markdown can express.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    headings = list(headings_of(tokens))
    for opening, text in headings:
        opening.attrSet("id", slug(text))
    for token in tokens:
        for link in token.children or []:
            if link.type == "link_open":
                link.attrSet("href", address_of(str(link.attrGet("href"))))
    sections = [(slug(text), text) for opening, text in headings if opening.tag == "h2"]
    html = scrolling(markdown.renderer.render(tokens[HEADING:], markdown.options, {}))
    return Guide(title, headings[0][1], html, sections)


def headings_of(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """Yield the headings of a page, each with its text."""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            yield opening, "".join(part.content for part in inline.children or [])


def slug(text: str) -> str:
    """Return the anchor of a heading, the same as on GitHub."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def address_of(link: str) -> str:
    """Return the URL for a link between files: ``/api/docs/import#options`` for ``import.md#options``."""
    found = _TO_PAGE.match(link)
    return f"/api/docs/{found[1]}{found[2] or ''}" if found and found[1] in TITLES else link


def scrolling(html: str) -> str:
    """Return HTML in which wide tables and code scroll by themselves, also with the keyboard."""
    opening = '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'
    html = html.replace("<table>", opening).replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">')
