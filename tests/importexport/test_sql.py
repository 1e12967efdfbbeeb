"""SQL is composed with psycopg.sql; statements are never assembled as text."""

import ast

import pytest

from tests.support.installation import ROOT

KEYWORDS = {
    *("ALTER", "COPY", "CREATE", "DELETE", "DROP", "EXPLAIN", "INSERT", "LOCK", "RESET", "SELECT", "SET", "TRUNCATE"),
    *("UPDATE", "VACUUM", "WITH"),
}
#: The calls that take SQL as their first argument; what they take is written out, composed, or a name for either.
TAKE_SQL = {"execute", "executemany", "mogrify", "RawSQL", "SQL"}
PUT_TOGETHER = {"format", "format_map", "join", "replace"}


def modules():
    for app in ("crm", "importexport", "rally"):
        yield from (path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def is_statement(node):
    """Whether a text begins like a statement."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0] if node.values else None
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return (text.split() or [""])[0] in KEYWORDS


def named_statements(tree):
    """Return the names in a module that are assigned statements as text."""
    assigned = (node for node in ast.walk(tree) if isinstance(node, ast.Assign) and is_statement(node.value))
    return {getattr(target, "id", "") for node in assigned for target in node.targets}


def is_put_together(node, names):
    """Whether an expression assembles a statement as text; ``names`` are names of statements."""

    def is_text(part):
        return is_statement(part) or (isinstance(part, ast.Name) and part.id in names)

    match node:
        case ast.JoinedStr():
            return is_statement(node)
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return is_text(node.left)
        case ast.Call(func=ast.Attribute(attr=method)) if method in PUT_TOGETHER:
            return is_text(node.func.value)
    return False


def is_text_made_here(node):
    """Whether an argument is a text assembled in place."""
    match node:
        case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr=method)):
            return method in PUT_TOGETHER
    return False


def statements_as_text(tree):
    """Yield the lines that assemble SQL as text."""
    names = named_statements(tree)
    for node in ast.walk(tree):
        if is_put_together(node, names):
            yield node.lineno
        if isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in TAKE_SQL and is_text_made_here(node.args[0]):
                yield node.lineno


def test_sql_is_composed():
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules()
        for line in statements_as_text(ast.parse(path.read_text()))
    }
    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        'query = f"SELECT {name}"',
        'query = f"\\n  WITH x AS ({name})"',
        '"SELECT {}".format(name)',
        '"DELETE FROM %s" % name',
        '"TRUNCATE " + name',
        'QUERY = "SELECT {}"\nQUERY.format(name)',
        'QUERY = "SELECT "\nQUERY + name',
        'cursor.execute(f"{verb} x")',
        'cursor.execute("; ".join(names))',
        "cursor.execute(start + name)",
        'sql.SQL(f"{name} = 1")',
        'sql.SQL("{} = 1".format(name))',
        'RawSQL("%s = 1" % name, [])',
    ],
)
def test_sql_assembled_as_text_is_found(code):
    assert list(statements_as_text(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        'cursor.execute("SELECT %s", [f"{name}"])',
        'QUERY = sql.SQL("SELECT {}")\ncursor.execute(QUERY.format(sql.Identifier(name)))',
        'cursor.execute(sql.SQL(", ").join(names))',
        'f"Selected {name}"',
        '"With {}".format(name)',
        "sql.SQL(field.db_type(connection))",
    ],
)
def test_composed_sql_and_other_text_is_ignored(code):
    assert not list(statements_as_text(ast.parse(code)))
