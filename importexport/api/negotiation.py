"""The Accept header (RFC 9110, section 12.5.1): does it leave room for what an endpoint gives?"""

import re

_RANGE = re.compile(r"\s*([\w!#$&^.+-]+|\*)/([\w!#$&^.+-]+|\*)\s*((?:;[^,]*)?)", re.ASCII)
_QUALITY = re.compile(r";\s*q\s*=\s*([^;\s]*)", re.IGNORECASE)
_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header takes a media type, given without parameters.

    The most specific range decides, so ``text/csv;q=0, */*`` takes no CSV. Parameters other than the weight are
    passed over, as are ranges that are malformed; a header in which nothing is left accepts anything.
    """
    ranges = [match for part in header.split(",") if (match := _RANGE.fullmatch(part))]
    if not ranges:
        return True
    main, _, sub = media_type.partition("/")
    weights = {(match[1].lower(), match[2].lower()): weight(match[3]) for match in ranges}
    for wanted in ((main, sub), (main, "*"), ("*", "*")):
        if wanted in weights:
            return weights[wanted] > 0
    return False


def weight(parameters: str) -> float:
    """Return the weight among a range's parameters; 1 where there is none, or a malformed one."""
    given = _QUALITY.search(parameters)
    if given is None or not _WEIGHT.fullmatch(given[1]):
        return 1.0
    return float(given[1])
