"""Texts that are the worst for a regular expression, made of its own characters, and how the time of a call grows."""

import re
import time
from re import _constants as code
from re import _parser as parser

#: What a category or a negated set may match, and what hardly anything does.
CANDIDATES = "a0 ,;\t\n'\"<>-.=é!"
ENDS = ("", "\x02")
#: The most characters, longer texts and beginnings that are tried for one expression.
CHARACTERS, WORDS, BEGINNINGS = 8, 8, 6
#: Repeats at which exponential and cubic growth shows, seconds that linear growth never takes for them, and the same for
#: quadratic growth, for which the time is then compared with that of four times as many repeats.
FEW, MANY, TOO_LONG, WORTH_A_LOOK = (12, 16, 20, 24, 200), 3_000, 0.01, 0.001
#: The ratio is 4 for linear growth and 16 for quadratic growth.
TIMES, RATIO = 4, 9


def slow_text(call, pattern, *, clock=time.process_time):
    """Return a text for which a function of a text takes more than linear time by a clock, or None.

    The texts are made for a pattern: one or two of its characters, a word in it, or a part of what it matches, repeated
    after a beginning that it matches.
    """

    def seconds(text, *, limit=0.0, tries=5):
        """Return the shortest time of a few calls; a single one is enough if it is within the limit."""
        times = []
        while len(times) < tries and not (times and times[-1] <= limit):
            start = clock()
            call(text)
            times.append(clock() - start)
        return min(times)

    for beginning, repeated, end in attacks(pattern):
        if grows(lambda n, at=(beginning, repeated, end), **how: seconds(at[0] + at[1] * n + at[2], **how)):
            return f"{beginning!r} + {repeated!r} * n + {end!r}"
    return None


def grows(seconds):
    """Whether the time for a number of repeats, which a function returns, grows faster than the number."""
    if any(seconds(n, limit=TOO_LONG) > TOO_LONG for n in FEW):
        return True
    if seconds(MANY, limit=WORTH_A_LOOK) < WORTH_A_LOOK:
        return False
    short, long = (seconds(n, tries=3) for n in (MANY, TIMES * MANY))
    return long > RATIO * short


def attacks(pattern):
    """Yield beginnings, texts to repeat, and ends for a pattern (of texts)."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    characters = list(dict.fromkeys(sampled(tree)))[:CHARACTERS]
    pairs = [one + other for one in characters for other in characters if one != other]
    words = [word for word in dict.fromkeys(words_of(tree)) if len(word) > 2]
    whole = "".join(matched(tree))
    cuts = [whole[:cut] for cut in range(3, len(whole) + 1)]
    for beginning in dict.fromkeys(whole[:cut] for cut in range(BEGINNINGS)):
        for repeated in [*characters, *pairs, *words[:WORDS], *cuts[:WORDS]]:
            for end in ENDS:
                yield beginning, repeated, end


def words_of(node):
    """Yield the longest sequences of literal characters in a parsed pattern."""
    word = ""
    for operation, argument in node:
        if operation is code.LITERAL:
            word += chr(argument)
            continue
        yield word
        word = ""
        branches = argument[1] if operation is code.BRANCH else parts(argument)
        for part in branches:
            yield from words_of(part)
    yield word


def sampled(node):
    """Yield characters that the parts of a parsed pattern match."""
    for operation, argument in node:
        match operation:
            case code.LITERAL:
                yield chr(argument)
            case code.NOT_LITERAL | code.ANY | code.IN:
                yield from of_set(operation, argument)
            case code.BRANCH:
                for branch in argument[1]:
                    yield from sampled(branch)
            case _:
                yield from (character for part in parts(argument) for character in sampled(part))


def matched(node):
    """Yield a text that a parsed pattern matches, roughly: its first branches, each repeat at least once."""
    for operation, argument in node:
        match operation:
            case code.LITERAL:
                yield chr(argument)
            case code.NOT_LITERAL | code.ANY | code.IN:
                yield next(of_set(operation, argument), "")
            case code.BRANCH:
                yield from matched(argument[1][0])
            case code.ASSERT | code.ASSERT_NOT:
                pass
            case code.MAX_REPEAT | code.MIN_REPEAT | code.POSSESSIVE_REPEAT:
                yield from [*matched(argument[2])] * max(argument[0], 1)
            case _:
                yield from (character for part in parts(argument) for character in matched(part))


def parts(argument):
    """Return the parsed patterns in the argument of an operation."""
    if isinstance(argument, parser.SubPattern):
        return [argument]
    return [part for part in argument if isinstance(part, parser.SubPattern)] if isinstance(argument, tuple) else []


def of_set(operation, argument):
    """Yield characters that a set matches: one of each of its ranges, and those of the candidates."""
    if operation is code.NOT_LITERAL:
        yield from (character for character in CANDIDATES if ord(character) != argument)
    elif operation is code.ANY:
        yield CANDIDATES[0]
    elif argument[0][0] is code.NEGATE:
        own = re.compile(f"[{''.join(map(re.escape, CANDIDATES))}]")
        yield from (one for one in CANDIDATES if own.match(one) and not any(has(part, one) for part in argument[1:]))
    else:
        for part in argument:
            yield from first_of(part)


def first_of(part):
    """Yield a character of a part of a set."""
    kind, value = part
    if kind is code.LITERAL:
        yield chr(value)
    elif kind is code.RANGE:
        yield chr(value[0])
    else:
        yield from [one for one in CANDIDATES if has(part, one)][:2]


CATEGORIES = {
    code.CATEGORY_DIGIT: str.isdecimal,
    code.CATEGORY_SPACE: str.isspace,
    code.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    code.CATEGORY_NOT_DIGIT: lambda one: not one.isdecimal(),
    code.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    code.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
}


def has(part, character):
    """Whether a part of a set has a character."""
    kind, value = part
    if kind is code.LITERAL:
        return ord(character) == value
    if kind is code.RANGE:
        return value[0] <= ord(character) <= value[1]
    return CATEGORIES[value](character)
