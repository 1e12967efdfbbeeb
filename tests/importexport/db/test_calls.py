"""psycopg and libpq are called in one package only, which handles lost connections."""

import ast

from tests.support.installation import ROOT

#: Where psycopg is called, and why.
ALLOWED = {
    "importexport/db",  # under Django's wrapper
    "rally/database.py",  # reads DATABASE_URL
    "rally/postgres/embedded.py",  # looks for the embedded server before there is a connection of Django's
    "rally/postgres/base.py",  # Django's own connection
}


def calls_past_django(tree):
    """Yield the lines of a module that import psycopg or access one of its connections.

    Composing statements with ``from psycopg import sql`` is allowed everywhere.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            is_psycopg = any(name.partition(".")[0] in {"psycopg", "_psycopg"} for name in names)
            if is_psycopg and names != ["psycopg", "sql"]:
                yield node.lineno
        if isinstance(node, ast.Attribute):
            owner = node.value
            is_raw = node.attr == "connection" and getattr(owner, "id", getattr(owner, "attr", "")) == "connection"
            is_copy = node.attr == "copy" and getattr(owner, "id", getattr(owner, "attr", "")) == "cursor"
            if is_raw or is_copy or node.attr in {"pgconn", "exec_params"}:
                yield node.lineno


def test_psycopg_is_called_in_one_package():
    modules = [path for app in ("crm", "importexport", "rally") for path in (ROOT / app).rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules
        if not any(path.is_relative_to(ROOT / place) for place in ALLOWED)
        for line in calls_past_django(ast.parse(path.read_text()))
    }
    assert found == set()


def test_calls_that_bypass_django_are_found():
    code = [
        "import psycopg",
        "from psycopg.pq import X",
        "with cursor.copy(sql): pass",
        "connection.connection.pgconn",
        "from psycopg import errors, sql",
        "from psycopg import sql",
    ]
    assert set(calls_past_django(ast.parse("\n".join(code)))) == {1, 2, 3, 4, 5}
