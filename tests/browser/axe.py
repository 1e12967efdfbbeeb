"""Accessibility checks with axe-core."""

import fcntl
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

HERE = Path(__file__).parent
SOURCE = HERE / "node_modules/axe-core/axe.min.js"
MISSING = (
    "axe-core cannot be installed: npm was not found; install Node.js (apt-get install npm, or brew install node)."
)
#: Colours fade from one scheme to the next: they are judged when they have come to rest.
RUN = """async (rules) => {
    const fading = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime < Infinity)
    await Promise.allSettled(fading.map((one) => one.finished))
    const found = await axe.run(document, {resultTypes: ['violations'], runOnly: rules ?? undefined})
    return found.violations
}"""
GRAVE = {"serious", "critical"}


class NoNpm(Exception):
    """axe-core is missing and cannot be downloaded."""


@cache
def source() -> str:
    """Return axe-core's source, downloaded on first use; raise NoNpm if npm is missing."""
    installed = json.loads((HERE / "package-lock.json").read_text())["packages"]["node_modules/axe-core"]["version"]
    manifest = SOURCE.parent / "package.json"
    with (HERE / "package-lock.json").open() as lock:
        # Tests may run in several processes, only one of which downloads it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not manifest.exists() or json.loads(manifest.read_text())["version"] != installed:
            npm = shutil.which("npm")
            if npm is None:
                raise NoNpm(MISSING)
            ci = [npm, "ci", "--loglevel=error"]
            subprocess.run(ci, cwd=HERE, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return SOURCE.read_text(encoding="utf-8")


def grave_errors(page: Page, *, only: list[str] | None = None) -> list[str]:
    """Return a line for each serious error of a page, with the rule and elements. ``only`` limits the rules."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source())
    return [describe(error) for error in page.evaluate(RUN, only) if error["impact"] in GRAVE]


def describe(error: dict[str, Any]) -> str:
    """Return a rule, its description, and the first elements that violate it."""
    nodes = error["nodes"]
    lines = [f"{node['target']}: {node['html'][:200]} — {node['failureSummary']}" for node in nodes[:3]]
    return f"{error['id']} ({error['impact']}, {len(nodes)} elements): {error['help']}\n    " + "\n    ".join(lines)
