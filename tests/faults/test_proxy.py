"""The proxy causes a fault once, at the chosen statement and nowhere else."""

import psycopg
import pytest

from tests.faults.proxy import Fault


@pytest.fixture
def table(proxied):
    """A table of numbers, accessed without the proxy."""
    with proxied.server.connect() as connection:
        connection.execute("CREATE TABLE numbers (n integer)")
        yield lambda: [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]
        connection.execute("DROP TABLE numbers")


def through(proxied, **options):
    return psycopg.connect(proxied.proxy.url, **options)


def test_statements_are_recorded_without_values(proxied, table):
    with proxied.proxy.heard() as heard, through(proxied) as connection:
        connection.execute("INSERT INTO numbers  VALUES (1), ('2')")
        connection.execute("SELECT n FROM numbers WHERE n = %s", [1])
    assert [statement.text for statement in heard if "numbers" in statement.text] == [
        "INSERT INTO numbers VALUES (?), (?)",
        "SELECT n FROM numbers WHERE n = $?",
    ]


def test_it_is_known_which_statements_leave_a_transaction_open(proxied, table):
    with proxied.proxy.heard() as heard, through(proxied, autocommit=True) as connection:
        connection.execute("SELECT n FROM numbers")
        with connection.transaction():
            connection.execute("INSERT INTO numbers VALUES (1)")
            with connection.transaction(force_rollback=True):
                connection.execute("DELETE FROM numbers")
            connection.execute("UPDATE numbers SET n = 2")
        connection.execute("SELECT n FROM numbers")
    is_ours = ("numbers", "COMMIT")
    assert [(each.text, each.leaves_open) for each in heard if any(words in each.text for words in is_ours)] == [
        ("SELECT n FROM numbers", False),
        ("INSERT INTO numbers VALUES (?)", True),
        ("DELETE FROM numbers", True),
        ("UPDATE numbers SET n =?", True),
        ("COMMIT", False),
        ("SELECT n FROM numbers", False),
    ]
    assert table() == [2]


@pytest.mark.parametrize("harm", ["cut", "terminate"])
@pytest.mark.parametrize(("moment", "stored"), [("before", []), ("after", [1])])
def test_a_fault_is_before_a_statement_or_after_it(proxied, table, moment, stored, harm):
    with (
        through(proxied, autocommit=True) as connection,
        proxied.proxy.armed(Fault("INSERT INTO numbers", moment, harm=harm)) as fault,
        pytest.raises(psycopg.OperationalError),
    ):
        connection.execute("INSERT INTO numbers VALUES (1)")
    assert fault.struck.wait(5)
    assert table() == stored


@pytest.mark.parametrize(("moment", "stored"), [("before", []), ("after", [1])])
def test_the_client_does_not_learn_the_outcome_of_a_commit(proxied, table, moment, stored):
    connection = through(proxied)
    connection.execute("INSERT INTO numbers VALUES (1)")
    with proxied.proxy.armed(Fault("COMMIT", moment)), pytest.raises(psycopg.OperationalError):
        connection.commit()
    assert table() == stored


def test_a_terminated_session_is_told_why(proxied, table):
    with (
        through(proxied) as connection,
        proxied.proxy.armed(Fault("INSERT INTO numbers", harm="terminate")),
        pytest.raises(psycopg.errors.AdminShutdown),
    ):
        connection.execute("INSERT INTO numbers VALUES (1)")


@pytest.mark.parametrize(("moment", "stored"), [("before", []), ("after", [7])])
def test_the_end_of_copied_rows_is_a_statement(proxied, table, moment, stored):
    with (
        through(proxied, autocommit=True) as connection,
        proxied.proxy.armed(Fault("end of COPY numbers", moment)),
        pytest.raises(psycopg.OperationalError),
        connection.cursor().copy("COPY numbers FROM STDIN") as copy,
    ):
        copy.write("7\n")
    assert table() == stored


def test_a_fault_occurs_at_the_nth_statement_of_the_right_connection(proxied, table):
    with (
        through(proxied, autocommit=True) as one,
        through(proxied, autocommit=True) as other,
        proxied.proxy.armed(Fault("INSERT", nth=2, following="AS mark")) as fault,
    ):
        one.execute("SELECT 1 AS mark")
        one.execute("INSERT INTO numbers VALUES (1)")
        other.execute("INSERT INTO numbers VALUES (2)")
        assert not fault.struck.is_set()
        with pytest.raises(psycopg.OperationalError):
            one.execute("INSERT INTO numbers VALUES (3)")
        other.execute("INSERT INTO numbers VALUES (4)")
    assert table() == [1, 2, 4]


def test_a_statement_in_several_pieces_is_recognised(proxied):
    with (
        through(proxied) as connection,
        proxied.proxy.armed(Fault("AS needle")) as fault,
        pytest.raises(psycopg.OperationalError),
    ):
        connection.execute(f"SELECT '{'x' * 300_000}' AS needle")
    assert fault.struck.is_set()


def test_a_network_that_is_down_rejects_all_connections(proxied):
    with through(proxied) as connection, proxied.proxy.down():
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            through(proxied)
    assert through(proxied).execute("SELECT 1").fetchone() == (1,)
