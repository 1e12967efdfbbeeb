"""No regular expression of ours, in Python and in SQL, takes more than linear time, whatever the text."""

import ast
import importlib
import itertools
import pkgutil
import re
import time
from re import _constants as re_codes
from re import _parser as re_parser

import pytest
from django.db import connection

import crm
import importexport
import rally
from importexport.files.workbooks.whole_rows import row_pattern
from tests.support.attacks import slow_text
from tests.support.installation import ROOT

#: Methods that try each position of a text. Elsewhere only the first is tried.
SEARCHING = {"search", "sub", "subn", "findall", "finditer", "split"}
METHODS = SEARCHING | {"match", "fullmatch"}
ALL = {"search", "match", "fullmatch"}

ONE_CHARACTER = {re_codes.LITERAL, re_codes.NOT_LITERAL, re_codes.ANY, re_codes.IN}
LOOKAROUNDS = {re_codes.ASSERT, re_codes.ASSERT_NOT, re_codes.AT}


def trees():
    for app in ("crm", "importexport", "rally"):
        yield from (ast.parse(path.read_text()) for path in (ROOT / app).rglob("*.py"))


def calls():
    """Yield the names of patterns whose methods are used, and the methods."""
    for node in itertools.chain.from_iterable(map(ast.walk, trees())):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield getattr(node.value, "attr", getattr(node.value, "id", "")), node.attr


def methods_by_name():
    """Return the methods that are used of each pattern, by its name."""
    found = {}
    for name, method in calls():
        found.setdefault(name, set()).add("search" if method in SEARCHING else method)
    return found


def modules():
    for package in (crm, importexport, rally):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(("__main__", ".server.config", ".wsgi")):
                yield importlib.import_module(found.name)


def patterns_in(value, name, *, depth=3):
    """Yield the patterns in a value, with the name of the variable that has it."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth and isinstance(value, dict):
        for part in value.values():
            yield from patterns_in(part, name, depth=depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from patterns_in(part, name, depth=depth - 1)


def all_patterns():
    """Return each pattern of ours, with the methods that are used of it, all if that is not known."""
    used, found = methods_by_name(), {}
    for module in modules():
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        ours = [value for value in classes if value.__module__ == module.__name__]
        for owner in [module, *ours]:
            for name, value in list(vars(owner).items()):
                for where, pattern in patterns_in(value, name):
                    found.setdefault(pattern, set()).update(used.get(where, ALL))
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (pattern := literal(node)):
                method = node.func.attr
                found.setdefault(pattern, set()).add("search" if method in SEARCHING else method)
    return found | {row_pattern(2, is_named=is_named): {"search"} for is_named in (True, False)}


def literal(call):
    """Return the pattern that is written out in a call of a function of ``re``."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "re" and call.args):
        return None
    first = call.args[0]
    is_one = function.attr in METHODS and isinstance(first, ast.Constant) and isinstance(first.value, (str, bytes))
    return re.compile(first.value) if is_one else None


def all_sql_patterns():
    """Return the patterns in SQL. What PostgreSQL has and Python has not is not used in them."""
    texts = (node.value for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    found = (match for text in texts if isinstance(text, str) for match in IN_SQL.findall(text))
    return list(dict.fromkeys(pattern.replace("''", "'") for pattern in found))


#: Operators and functions with a pattern.
IN_SQL = re.compile(r"(?:~\*? *|regexp_\w+\([^']*|SIMILAR TO *)'((?:[^']|'')+)'")
PATTERNS, SQL_PATTERNS = all_patterns(), all_sql_patterns()


def test_the_patterns_are_found():
    texts = {pattern.pattern for pattern in PATTERNS}
    assert r"[+-]?[0-9]+(?:\.[0-9]+)?\Z" in texts
    assert len(texts) > 50
    assert r"^\+[ ().-]*[0-9][0-9 ().-]*$" in SQL_PATTERNS


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: str(pattern.pattern)[:60])
def test_a_pattern_takes_linear_time(pattern):
    methods = PATTERNS[pattern]
    assert {method: slow_text(*called(pattern, method)) for method in methods} == dict.fromkeys(methods)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: str(pattern.pattern)[:60])
def test_a_pattern_means_the_same_to_each_python(pattern):
    assert doubtful_repeats(pattern.pattern) == []


@pytest.mark.parametrize(
    "doubtful", [r"(?:ab?c)++", r"(?:[a-z](?:-[a-z])?+\.)*+", r"""(?:"[^"]*"|x)*+""", "(?:(?!b)a)*+"]
)
def test_a_repeat_that_python_3_11_2_reads_wrong_is_found(doubtful):
    assert doubtful_repeats(doubtful)


@pytest.mark.parametrize("sound", ["[a-z]*+", r"""(?:[^"]|"")*+""", "(?:[,;](?:x*+|y))*+", "(?>(?:ab?c)+)"])
def test_a_repeat_that_each_python_reads_alike_is_not_found(sound):
    assert doubtful_repeats(sound) == []


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", SQL_PATTERNS)
def test_a_pattern_in_sql_takes_linear_time(pattern):
    with connection.cursor() as cursor:
        ask = lambda text: cursor.execute("SELECT %s::text ~ %s", [text, pattern])  # noqa: E731 - a call with one argument
        assert slow_text(ask, re.compile(pattern), clock=time.perf_counter) is None


def doubtful_repeats(pattern):
    """Return the bodies of possessive repeats that may fail behind a repeat or a lookaround within them.

    Python before 3.11.5, Debian's among them, goes on where such a body has failed (CPython's gh-106052). Repeats of
    one character, or of texts without repeats, are the same everywhere, and so is an atomic group around a greedy
    repeat: ``(?>(?:ab?c)*)``.
    """
    return [body for body in possessive_bodies(re_parser.parse(pattern)) if not is_sound(body)]


def possessive_bodies(node):
    """Yield what is repeated possessively anywhere in a parsed pattern."""
    if isinstance(node, re_parser.SubPattern):
        for operation, argument in node:
            if operation is re_codes.POSSESSIVE_REPEAT:
                yield argument[2]
            yield from possessive_bodies(argument)
    elif isinstance(node, (tuple, list)):
        for part in node:
            yield from possessive_bodies(part)


def is_sound(body):
    """Whether what is repeated fails at once or not at all, or has no part that could leave its place behind."""
    first, *others = body
    if first[0] is re_codes.BRANCH and not others:
        return all(all(part[0] in ONE_CHARACTER for part in branch) for branch in first[1][1])
    return first[0] in ONE_CHARACTER and all(part[0] not in LOOKAROUNDS and width(part)[0] == 0 for part in others)


def width(part):
    """Return the least and the most characters of a part of a pattern."""
    return re_parser.SubPattern(re_parser.State(), [part]).getwidth()


def called(pattern, method):
    """Return a function of a text that calls a method of a pattern, and the pattern as one of texts."""
    call = getattr(pattern, method)
    if isinstance(pattern.pattern, str):
        return call, pattern
    text = re.compile(pattern.pattern.decode("latin-1"), pattern.flags | re.ASCII)
    return lambda given: call(given.encode("latin-1", "ignore")), text
