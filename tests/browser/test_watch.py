"""The watch itself: were it blind, every other test here would pass too easily."""

import pytest
from playwright.sync_api import Error

from tests.support.installation import until

STRANGER = "http://127.0.0.1:9/"
MISDEEDS = {
    "Console: Oh dear": "() => console.error('Oh dear')",
    "Script error: Error: Thrown": "() => setTimeout(() => { throw new Error('Thrown') })",
    "A dialog opened: Hello": "() => setTimeout(() => alert('Hello'))",
    "CSP violation: script-src": "() => document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
    "CSP violation: style-src": "() => document.body.append(Object.assign(document.createElement('style'), {textContent: 'b {}'}))",
    "CSP violation: connect-src": f"() => fetch('{STRANGER}').catch(() => {{}})",
}


def test_what_goes_wrong_is_noticed(visitor):
    page = visitor.open("/admin/login/")
    for said, script in MISDEEDS.items():
        page.evaluate(script)
        for _ in until(10):
            page.wait_for_timeout(20)  # playwright listens while it waits
            if any(said in problem for problem in visitor.watch.problems):
                break
        assert [problem for problem in visitor.watch.problems if said in problem], said
    with pytest.raises(Error):
        page.goto(STRANGER)
    assert {f"A request to a stranger: {STRANGER}"} <= set(visitor.watch.problems)
    visitor.watch.expect("")  # whatever else comes of it
    visitor.watch.problems.clear()
