"""Reading XML of unknown origin: no document type, and so no entities that could expand, and no other files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from xml.parsers import expat

from importexport import errors

#: Called with the local name and the attributes of an element, by their local names.
Start = Callable[[str, dict[str, str]], None]


#: What is written as a reference; xml.sax.saxutils would load the whole of urllib.
_REFERENCES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


def escape(text: str) -> str:
    """Return the XML of a text or of an attribute's value."""
    return text.translate(_REFERENCES)


def local(name: str) -> str:
    """Return a name without its prefix: programs choose their own ones."""
    return name.rpartition(":")[2]


def new_parser(encoding: str | None = None, separator: str | None = None) -> expat.XMLParserType:
    """Return a parser that refuses document types. With a ``separator``, names begin with their namespace."""
    parser = expat.ParserCreate(encoding, separator)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_args: object) -> None:
    raise errors.damaged_workbook()


def each_element(chunks: Iterable[bytes], start: Start) -> None:
    """Call ``start`` for every element of a part."""
    parser = new_parser()
    parser.StartElementHandler = lambda name, given: start(local(name), without_prefixes(given))
    for chunk in chunks:
        parser.Parse(chunk)
    parser.Parse(b"", True)


def without_prefixes(given: Mapping[str, str]) -> dict[str, str]:
    """Return attributes by their local names."""
    return {local(name): value for name, value in given.items()}


class Canonical:
    """Writes XML of any style the way Excel does: no prefixes, comments and CDATA; ``r``, ``s``, ``t`` come first."""

    FIRST = ("r", "s", "t")

    def __init__(self) -> None:
        self._parser = new_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = lambda name: self._pieces.append(f"</{local(name)}>")
        self._parser.CharacterDataHandler = lambda text: self._pieces.append(escape(text))
        self._pieces: list[str] = []

    def feed(self, chunk: bytes, *, is_last: bool = False) -> bytes:
        """Return what a further chunk adds."""
        self._parser.Parse(chunk, is_last)
        text, self._pieces = "".join(self._pieces), []
        return text.encode()

    def _start(self, name: str, given: dict[str, str]) -> None:
        own = {key: value for key, value in given.items() if ":" not in key}
        names = [*filter(own.__contains__, self.FIRST), *(key for key in own if key not in self.FIRST)]
        attributes = "".join(f' {key}="{escape(own[key])}"' for key in names)
        self._pieces.append(f"<{local(name)}{attributes}>")


def canonical(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield XML rewritten by ``Canonical``."""
    writer = Canonical()
    for chunk in chunks:
        if text := writer.feed(chunk):
            yield text
    yield writer.feed(b"", is_last=True)
