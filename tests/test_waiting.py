"""No test waits without a limit: a test that hangs fails, and says what it waited for."""

import ast
import time

import pytest

from tests.support.installation import ROOT
from tests.support.waiting import Background, wait_until

#: Calls that wait for ever where they get no argument: of a thread, a process, a future.
BARE = {"join", "wait", "result", "communicate"}
#: Calls that wait for ever without a timeout.
TIMED = {"run", "check_call", "check_output", "urlopen", "create_connection", "HTTPConnection"}
MODULES = {"subprocess", "request", "socket", "client"}


def waits_for_ever(node):
    """Whether a statement may wait without a limit."""
    if isinstance(node, ast.While):
        return asks_again(node)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr in BARE and not node.args and not node.keywords:
        return True
    is_timed = node.func.attr in TIMED and isinstance(node.func.value, ast.Name | ast.Attribute)
    module = getattr(node.func.value, "attr", getattr(node.func.value, "id", "")) if is_timed else ""
    names = [keyword.arg for keyword in node.keywords]
    return module in MODULES and "timeout" not in names and None not in names


def asks_again(loop):
    """Whether a loop polls something, with or without pauses."""
    called = {getattr(node.func, "attr", "") for node in ast.walk(loop) if isinstance(node, ast.Call)}
    is_endless = isinstance(loop.test, ast.Constant) and not any(isinstance(node, ast.Yield) for node in ast.walk(loop))
    return is_endless or "sleep" in called or all(isinstance(line, ast.Pass) for line in loop.body)


def test_no_test_waits_without_a_limit():
    found = []
    for path in sorted(ROOT.glob("tests/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if waits_for_ever(node):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    # The only place that waits for time to pass, with a limit.
    assert [place for place in found if not place.startswith("tests/support/waiting.py")] == []
    assert len(found) == 1


@pytest.mark.parametrize(
    "line",
    [
        "while True: ask()", "while ask():\n  pass", "while not there():\n  time.sleep(1)", "thread.join()",
        "process.wait()", "future.result()", "process.communicate()", "subprocess.run(command)",
        "urllib.request.urlopen(url)", "socket.create_connection(place)", "http.client.HTTPConnection(host)",
    ],
)  # fmt: skip
def test_waiting_without_a_limit_is_found(line):
    assert any(waits_for_ever(node) for node in ast.walk(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "while data := read():\n  keep(data)", "process.wait(10)", "future.result(seconds)", "', '.join(words)",
        "subprocess.run(command, timeout=10)", "subprocess.run(command, **options)", "while True:\n  yield 1",
    ],
)  # fmt: skip
def test_waiting_with_a_limit_is_not(line):
    assert not any(waits_for_ever(node) for node in ast.walk(ast.parse(line)))


def test_a_timeout_says_what_it_waited_for():
    with pytest.raises(pytest.fail.Exception, match=r"waited 0\.1 s in vain until pigs fly"):
        wait_until(lambda: False, "pigs fly", seconds=0.1)
    assert wait_until(lambda: 7, "there is a number") == 7


def test_a_background_call_returns_raises_or_times_out():
    assert Background(divmod, 7, 2).outcome() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        Background(divmod, 7, 0).outcome()
    with pytest.raises(pytest.fail.Exception, match="until sleep returned"):
        Background(time.sleep, 1).outcome(0.1)
