"""Accessibility checks with axe-core."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.npm import packages

HERE = Path(__file__).parent
#: Colours fade from one scheme to the next: they are judged when they have come to rest.
RUN = """async () => {
    const fading = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime < Infinity)
    await Promise.allSettled(fading.map((one) => one.finished))
    const found = await axe.run(document, {resultTypes: ['violations'], preload: false, rules: MINOR})
    return found.violations
}"""
GRAVE = {"serious", "critical"}
#: Rules that never find anything serious are not run, and take a quarter of the time. Style sheets are not fetched once
#: more: only rules about orientation and sound would want them, which are experimental or have nothing to do here.
PREPARE = """() => {
    const minor = axe._audit.rules.filter((rule) => ['minor', 'moderate'].includes(rule.impact))
    window.MINOR = Object.fromEntries(minor.map((rule) => [rule.id, {enabled: false}]))
    return minor.length
}"""


@cache
def source() -> str:
    """Return axe-core's source; raise NoNpm if npm is missing."""
    return (packages(HERE) / "axe-core/axe.min.js").read_text(encoding="utf-8")


def grave_errors(page: Page) -> list[str]:
    """Return a line for each serious error of a page, with the rule and elements."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source())
        assert page.evaluate(PREPARE), "axe-core no longer says how grave its rules are"
    return [describe(error) for error in page.evaluate(RUN) if error["impact"] in GRAVE]


def describe(error: dict[str, Any]) -> str:
    """Return a rule, its description, and the first elements that violate it."""
    nodes = error["nodes"]
    lines = [f"{node['target']}: {node['html'][:200]} — {node['failureSummary']}" for node in nodes[:3]]
    return f"{error['id']} ({error['impact']}, {len(nodes)} elements): {error['help']}\n    " + "\n    ".join(lines)
