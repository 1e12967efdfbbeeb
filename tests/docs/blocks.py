"""The code of the README and of `docs/`, block by block."""

from dataclasses import dataclass

from markdown_it import MarkdownIt

from tests.support.installation import ROOT

FILES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A block: its file, the heading above it, its language and its text."""

    file: str
    heading: str
    language: str
    text: str


def blocks():
    """Return all blocks, in order. Indented ones have no language."""
    found = []
    for file in FILES:
        heading = ""
        tokens = MarkdownIt("commonmark").parse((ROOT / file).read_text())
        for token, following in zip(tokens, [*tokens[1:], None], strict=True):
            if token.type == "heading_open":
                heading = following.content
            if token.type in {"fence", "code_block"}:
                found.append(Block(file, heading, token.info, token.content))
    return found


def block(file, heading, language):
    """Return the block of a language under a heading."""
    (found,) = [one for one in blocks() if (one.file, one.heading, one.language) == (file, heading, language)]
    return found.text
