"""Errors in the browser are noticed. Otherwise the other tests would pass too easily."""

import pytest
from playwright.sync_api import Error

from tests.support.waiting import wait_until

STRANGER = "http://127.0.0.1:9/"
MISDEEDS = {
    "Console: Oh dear": "() => console.error('Oh dear')",
    "Script error: Error: Thrown": "() => setTimeout(() => { throw new Error('Thrown') })",
    "A dialog opened: Hello": "() => setTimeout(() => alert('Hello'))",
    "CSP violation: script-src": "() => document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
    "CSP violation: style-src": "() => document.body.append(Object.assign(document.createElement('style'), {textContent: 'b {}'}))",
    "CSP violation: connect-src": f"() => fetch('{STRANGER}').catch(() => {{}})",
}


def test_errors_are_noticed(visitor):
    page = visitor.open("/admin/login/")
    for said, script in MISDEEDS.items():
        page.evaluate(script)
        # playwright listens while it waits
        noticed = lambda: page.wait_for_timeout(20) or any(said in problem for problem in visitor.watch.problems)  # noqa: B023, E731
        wait_until(noticed, f"“{said}” is noticed")
    with pytest.raises(Error):
        page.goto(STRANGER)
    assert {f"A request to a stranger: {STRANGER}"} <= set(visitor.watch.problems)
    visitor.watch.expect("")  # ignore consequences
    visitor.watch.problems.clear()
