"""A connection lost at any statement causes a 503 or the correct result, and leaves the same effects in the end.

Each operation runs once without a fault while the proxy records statements, and then once per statement, with a new
tenant, losing the connection there. The effects must be the same as those of the first run.

Whether the connection is lost before a statement or after it makes a difference where the statement ends a transaction,
or is one by itself. Inside a transaction, all is rolled back in both cases, so that one is enough. What only reads, and
what prepares or tidies up inside a transaction, is tried once for all operations of a channel; in the admin, so is all
that is inside a transaction, for it is what the API does.
"""

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from tests.faults.operations import (
    Answer,
    Caller,
    Operation,
    Staff,
    is_settled,
    people,
    records,
    runs,
    seen,
    send_until_right,
    wait_until_settled,
)
from tests.faults.proxy import Fault, Heard
from tests.support.waiting import moments

FILE, OLDER = people(range(20), phone="2"), people(range(10), bad=0)
CREATE, UPSERT = "missing=create", "mode=upsert&missing=create"
DONE = "This has been imported already; a plan is applied only once."
#: What only reads: whether it was carried out makes no difference.
READING = ("SELECT ", "SHOW ", "SET ", "BEGIN", "DECLARE ", "FETCH ", "CLOSE ")

#: Statements that store records or complete a run.
WRITING = ("COPY ", "INSERT INTO ", "UPDATE ", "DELETE FROM crm_", "COMMIT")
#: What a worker asks all the time, whether it has anything to do or not.
UPKEEP = re.compile(
    r"procrastinate_(fetch|finish|update|prune|register|unregister|retry)|stalled_workers|abort_requested|LISTEN"
    r"|FROM importexport_importrun AS run WHERE run.status IN|UPDATE importexport_lease AS lease SET seen_at"
)

# --- operations: each function gets a tenant, the prepared value and a key ------------------------------------------


def planned(tenant: Caller, query: str = CREATE) -> str:
    return tenant.plan(FILE, query)


def planned_upsert(tenant: Caller) -> str:
    tenant.bring(OLDER, CREATE)
    return tenant.plan(FILE, UPSERT)


def planned_undo(tenant: Caller) -> str:
    tenant.bring(OLDER, CREATE)
    return tenant.command(f"imports/{tenant.bring(FILE, UPSERT)}/undo").json["id"]


def apply(tenant: Caller, run: str, key: str) -> Answer:
    return tenant.command(f"imports/{run}/apply", key=key)


API = [
    Operation("import", lambda _: "", lambda t, _, key: t.upload(f"contacts/import?{CREATE}", FILE, key=key), 200),
    Operation(
        "upsert",
        lambda t: t.bring(OLDER, CREATE),
        lambda t, _, key: t.upload(f"contacts/import?{UPSERT}", FILE, key=key),
        200,
    ),
    Operation("plan", lambda _: "", lambda t, _, key: t.upload(f"contacts/plan?{CREATE}", FILE, key=key), 201),
    Operation("apply", planned, apply, 200),
    Operation("apply of an upsert", planned_upsert, apply, 200),
    Operation(
        "undo", lambda t: t.bring(FILE, CREATE), lambda t, run, key: t.command(f"imports/{run}/undo", key=key), 201
    ),
    Operation("apply of an undo", planned_undo, apply, 200),
]


def confirm(tenant: Staff, run: str, _: str) -> Answer:
    return tenant.submit(f"importexport/importrun/{run}/confirm/")


def ask_for_undo(tenant: Staff, run: str, _: str) -> Answer:
    return tenant.submit(f"importexport/importrun/{run}/undo/")


def send_form(tenant: Staff, _: Any, __: str) -> Answer:
    return tenant.submit("crm/contact/import/", FILE, mode="create", missing="create")


ADMIN = [
    Operation("sending a file", lambda _: "", send_form, 302, is_repeatable=False),
    Operation("confirming a plan", planned, confirm, 302, is_repeatable=False),
    Operation("asking for an undo", lambda t: t.bring(FILE, CREATE), ask_for_undo, 302, is_repeatable=False),
    Operation("confirming an undo", planned_undo, confirm, 302, is_repeatable=False),
]


# --- one fault after the other --------------------------------------------------------------------------------------


@dataclass
class Case:
    """An operation during which a connection was lost, and the outcome."""

    operation: Operation
    tenant: Caller
    prepared: Any
    label: str
    fault: Fault
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    wrong: list[str] = field(default_factory=list)
    before: Any = None

    def check(self, is_right: bool, what: Any) -> None:
        if not is_right:
            self.wrong.append(f"{self.label}: {what}")


class Trial:
    """An operation with a fault at each of its statements."""

    def __init__(self, proxied, operation: Operation, *, tenant: type[Caller] = Caller) -> None:
        self.server, self.proxy, self.operation, self._new = proxied.server, proxied.proxy, operation, tenant
        self.cases: list[Case] = []
        self.statements = self._rehearse()

    def _rehearse(self) -> list[Heard]:
        """Run it once without a fault; return its statements, and store the expected results."""
        tenant = self._new(self.server)
        prepared = self.operation.prepare(tenant)
        before = records(tenant)
        with self.proxy.heard() as heard:
            answer = self.operation.send(tenant, prepared, secrets.token_hex(8))
            assert wait_until_settled(tenant)
        assert answer.status == self.operation.right, answer
        self.gist, self.right, self.records = answer.gist, seen(tenant), (before, records(tenant))
        return [statement for statement in heard if not UPKEEP.search(statement.text)]

    #: The channels' statements of those that are tried once which have been, with their faults.
    tried: ClassVar[dict[tuple[Any, str], Fault]] = {}

    def strike_each(self, moment: str, *, among: tuple[str, ...] = (), harm: str = "cut") -> None:
        """Run it once for each statement, or each that contains one of some words, losing the connection there."""
        texts = [statement.text for statement in self.statements]
        for n, statement in enumerate(texts):
            if among and not any(words in statement for words in among):
                continue
            if moment == "after" and self.statements[n].leaves_open:
                continue
            fault = Fault(statement, moment, sum(statement in earlier for earlier in texts[: n + 1]), harm)
            if statement.startswith(READING) or self._is_minor(self.statements[n]):
                if moment == "after" or (self._new, statement) in self.tried:
                    continue
                self.tried[self._new, statement] = fault
            self._strike(fault)

    def _is_minor(self, statement: Heard) -> bool:
        """Whether a statement inside a transaction is tried by another operation, or stores nothing that is seen."""
        stores = any(words in statement.text for words in WRITING)
        return statement.leaves_open and (self._new is Staff or not stores)

    def _strike(self, fault: Fault) -> None:
        tenant = self._new(self.server)
        case = Case(
            self.operation, tenant, self.operation.prepare(tenant), f"{fault.moment} {fault.marker[:90]}", fault
        )
        case.before = seen(tenant)
        with self.proxy.armed(fault):
            answer = self.operation.send(tenant, case.prepared, case.key)
            for _ in moments(60, 0.02):
                # Background work may reach the statement later.
                if fault.struck.is_set() or is_settled(tenant):
                    break
        self.cases.append(case)
        is_true = answer.status == self.operation.right and answer.gist == self.gist
        case.check(is_true or answer.is_honest_503, f"answered {answer.status} {answer.detail}")
        case.check(records(tenant) in self.records, f"half stored: {records(tenant)}")
        following = tenant.get("imports")
        case.check(following.status == 200, f"the next request: {following.status} {following.detail}")

    def struck(self) -> list[str]:
        """Return the statements at which a connection was lost, also those of the operations before."""
        earlier = [fault for (new, _), fault in self.tried.items() if new is self._new]
        return [fault.marker for fault in (*earlier, *(case.fault for case in self.cases)) if fault.struck.is_set()]

    def faults(self) -> list[str]:
        """Wait until everything has finished, and return what is wrong."""
        for n, case in enumerate(self.cases):
            # Every other request is repeated immediately, the rest once the run has finished by itself.
            self._end(case, is_patient=bool(n % 2))
        return [fault for case in self.cases for fault in case.wrong]

    def _end(self, case: Case, *, is_patient: bool) -> None:
        if is_patient or not case.operation.is_repeatable:
            case.check(wait_until_settled(case.tenant), f"nobody takes it up: {runs(case.tenant)}")
        if case.operation.is_repeatable or seen(case.tenant) == case.before:
            answer = send_until_right(self.operation, case.tenant, case.prepared, case.key)[-1]
            is_true = answer.status == self.operation.right and answer.gist == self.gist
            case.check(is_true, f"sent again: {answer.status} {answer.detail}")
        case.check(wait_until_settled(case.tenant), f"nobody takes it up: {runs(case.tenant)}")
        case.check(seen(case.tenant) == self.right, f"left {seen(case.tenant)}, not {self.right}")


# --- the tests ------------------------------------------------------------------------------------------------------

#: Statements at which a fault must have been tried, to make sure that the test is effective.
STORING = ["COPY rally_incoming", "INSERT INTO crm_contact", "COPY importexport_ledgerpage", "COMMIT"]
EXPECTED = {
    "import": [*STORING, "COPY importexport_skippedrow", "COPY importexport_rowchange", "importexport_importrun"],
    "upsert": [*STORING, "COPY importexport_rowchange", "UPDATE crm_contact"],
    "plan": ["INSERT INTO importexport_importrun", "COPY importexport_skippedrow", "COPY importexport_ledgerpage"],
    "apply": [*STORING, "COPY importexport_skippedrow", "UPDATE importexport_importrun"],
    "apply of an upsert": [*STORING, "COPY importexport_rowchange", "UPDATE crm_contact"],
    "undo": ["INSERT INTO importexport_importrun", "COPY importexport_ledgerpage"],
    "apply of an undo": ["DELETE FROM crm_contact", "UPDATE crm_contact", "COMMIT"],
    "sending a file": ["INSERT INTO importexport_importrun", "COPY importexport_ledgerpage", "COMMIT"],
    "confirming a plan": STORING,
    "asking for an undo": ["COPY importexport_ledgerpage"],
    "confirming an undo": ["DELETE FROM crm_contact", "COMMIT"],
}


def assert_none(trial):
    faults = trial.faults()
    assert not faults, "\n".join([*faults, *bugs(trial.server)])


def bugs(server):
    """Return the distinct last lines of the tracebacks that a server has logged as bugs."""
    lines = [json.loads(line) for line in server.log_text().splitlines() if '"message": "Bug ' in line]
    return sorted({line["exception"][-1500:] for line in lines})


def missed(operation, struck, moment):
    expected = EXPECTED[operation.name] if moment == "before" else ["COMMIT"]
    return [words for words in expected if not any(words in statement for statement in struck)]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", API)
def test_a_connection_cut_at_any_statement_of_the_api_loses_nothing(proxied, operation, moment):
    trial = Trial(proxied, operation)
    trial.strike_each(moment)
    assert_none(trial)
    assert not missed(operation, trial.struck(), moment)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", ADMIN)
def test_a_connection_cut_at_any_statement_of_the_admin_loses_nothing(proxied_worker, operation, moment):
    trial = Trial(proxied_worker, operation, tenant=Staff)
    trial.strike_each(moment, among=() if moment == "before" else WRITING)
    assert_none(trial)
    assert not missed(operation, trial.struck(), moment)


#: What is enough to see that a lost connection may also be told of.
TOLD = {"import", "apply", "apply of an undo"}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", [operation for operation in API if operation.name in TOLD])
def test_a_session_terminated_by_the_server_loses_nothing(proxied, operation, moment):
    trial = Trial(proxied, operation)
    trial.strike_each(moment, among=WRITING, harm="terminate")
    assert_none(trial)


# --- in a shell -----------------------------------------------------------------------------------------------------

#: Where a command loses its connection: statement, moment, and whether the rows are stored all the same.
SHELL = [
    ("COPY rally_incoming", "before", False),
    ("INSERT INTO crm_contact", "after", False),
    ("COPY importexport_skippedrow", "before", False),
    ("end of COPY importexport_ledgerpage", "after", False),
    ("importexport_importrun", "before", False),
    ("COMMIT", "before", False),
    ("COMMIT", "after", True),
]
RESULT = b"23 rows: 20 imported, 3 skipped.\n"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(FILE)
    return str(path)


def run_and_lose(shell, tenant, statement, moment, *args):
    """Run a command that loses its connection while storing; return its result."""
    # The temporary table exists only during the transaction that stores, and is dropped near its end.
    following = "DROP TABLE rally_incoming" if statement == "COMMIT" else "CREATE TEMPORARY TABLE rally_incoming"
    with shell.proxy.armed(Fault(statement, moment, following=following)) as fault:
        answer = tenant.manage(*args)
    assert fault.struck.is_set()
    return answer


def assert_is_one_line(answer, *, is_stored):
    assert (answer.status, answer.body) == (3 if is_stored else 2, b"")
    stored = "The rows are stored, but the connection to the database was lost before the report. See it with: "
    assert answer.headers["stderr"].startswith(stored if is_stored else "The database cannot be reached: ")
    assert answer.headers["stderr"].count("\n") == 1


@pytest.mark.parametrize(("statement", "moment", "is_stored"), SHELL)
def test_an_import_command_ends_with_one_line_and_stores_nothing_partly(shell, csv, statement, moment, is_stored):
    tenant = Caller(shell)
    command = ("import", "contacts", csv, "--missing", "create")
    assert_is_one_line(run_and_lose(shell, tenant, statement, moment, *command), is_stored=is_stored)
    assert records(tenant) == ((20, 20, 1) if is_stored else (0, 0, 0))
    assert [run[:2] for run in runs(tenant)] == [("import", "done")] * is_stored
    again = tenant.manage(*command)
    assert again.status == 0
    assert records(tenant) == (20, 20, 1)
    assert again.body.endswith(b"23 rows: 0 imported, 23 skipped.\n" if is_stored else RESULT)


@pytest.mark.parametrize(("statement", "moment", "is_stored"), SHELL)
def test_a_command_that_applies_a_plan_is_carried_on_by_the_next(shell, csv, statement, moment, is_stored):
    tenant = Caller(shell)
    plan = tenant.manage("import", "contacts", csv, "--missing", "create", "--plan").body.decode().strip()
    assert_is_one_line(run_and_lose(shell, tenant, statement, moment, "imports", "apply", plan), is_stored=is_stored)
    assert records(tenant) == ((20, 20, 1) if is_stored else (0, 0, 0))
    again = tenant.manage("imports", "apply", plan)
    if is_stored:
        assert (again.status, again.headers["stderr"]) == (2, f"{DONE}\n")
    else:
        assert (again.status, again.body) == (0, RESULT)
    assert seen(tenant) == (
        (20, 20, 1), [("import", "done", 23, 20, 3, "", ["create 20"], ["create companies 1"], 3)]
    )  # fmt: skip
