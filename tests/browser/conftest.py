"""Real Chromium and a real server, with users of every role."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import axe, chromium
from tests.browser.people import CRAFTSPEOPLE, PASSWORD, Staff
from tests.browser.watch import Watch
from tests.support.installation import Server
from tests.support.npm import give_up, needed_packages

#: A slow machine is given time; a quick one does not need it.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)
DESKTOP = {"width": 1280, "height": 900}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Save the state of the pages if a test fails, and report where."""
    report = yield
    visitor = getattr(item, "funcargs", {}).get("visitor")
    if report.failed and visitor is not None and call.when != "setup":
        kept = "\n".join(map(str, visitor.keep_pages()))
        report.sections.append(("What the browser showed, and the server's log", kept))
    return report


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of Chromium. Without it, these tests cannot run."""
    path = chromium.find_chromium()
    if path is None:
        give_up(chromium.MISSING)
    return path


@pytest.fixture(scope="session")
def grave_errors() -> Callable[..., list[str]]:
    """A function that returns a line for each serious accessibility error of a page."""
    needed_packages(axe.HERE)
    return axe.grave_errors


@pytest.fixture(scope="package")
def site(chromium_path: str, launch: Callable[..., Server]) -> Iterator[Server]:
    """The server of the browser tests with its users, created before the browser blocks Django's database access."""
    server = launch(RALLY_WORKER="1", RALLY_SCHEDULE_HOSTS="files.example.com")
    done = server.manage("shell", "-v", "0", "-c", "from tests.browser.people import fill; fill()")
    assert done.returncode == 0, done.stderr
    yield server
    server.stop()


@pytest.fixture(scope="package")
def browser(chromium_path: str, site: Server) -> Iterator[Browser]:
    """A shared Chromium, closed after the last test that uses it: while it runs, Django detects an event loop."""
    with sync_playwright() as playwright:
        browser = chromium.start_chromium(playwright, chromium_path)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sessions() -> dict[Staff, list[Any]]:
    """The cookies of users who have already signed in."""
    return {}


@dataclass
class Visitor:
    """A browser window with separate cookies, watched for errors."""

    context: BrowserContext
    page: Page
    watch: Watch
    site: Server
    folder: Path
    sessions: dict[Staff, list[Any]] = field(repr=False)
    staff: Staff | None = None

    def sign_in(self, staff: Staff) -> None:
        """Sign in directly, reusing an earlier session of the user."""
        if staff not in self.sessions:
            self._post_login(staff)
            self.sessions[staff] = self.context.cookies()
        self.context.clear_cookies()
        self.context.add_cookies(self.sessions[staff])
        self.staff = staff

    def _post_login(self, staff: Staff) -> None:
        login = "/admin/login/?next=/admin/"
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.context.request.get(login).text())
        form = {"username": staff.username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = self.context.request.post(login, form=form, max_redirects=0)
        assert answer.status == 302, answer.text()

    def open(self, address: str) -> Page:
        """Open a URL of the site and return the page."""
        self.page.goto(address)
        return self.page

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Return the first column of the result of a query."""
        with self.site.connect() as connection:
            return [row[0] for row in connection.execute(statement, values).fetchall()]

    @property
    def tenant_id(self) -> int:
        """The id of the visitor's tenant."""
        return self.sql("SELECT id FROM crm_tenant WHERE slug = %s", self.staff.tenant)[0]

    def emails(self) -> list[str]:
        """Return the e-mail addresses of the tenant's contacts, in order."""
        return self.sql("SELECT email FROM crm_contact WHERE tenant_id = %s ORDER BY email", self.tenant_id)

    def keep_pages(self) -> Iterator[Path]:
        """Save a screenshot and the HTML of every open page; yield their paths, and the server's log."""
        for number, page in enumerate(self.context.pages):
            picture = self.folder / f"page{number}.png"
            page.screenshot(path=picture, full_page=True)
            picture.with_suffix(".html").write_text(page.content(), encoding="utf-8")
            yield from (picture, picture.with_suffix(".html"))
        yield self.site.log


@pytest.fixture
def visitor(
    browser: Browser, site: Server, sessions: dict[Staff, list[Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    """A user who has not signed in yet. Fails if there was an error on any page."""
    context = browser.new_context(
        base_url=site.url, viewport=DESKTOP, reduced_motion="reduce", accept_downloads=True, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(context, site.url)
    visitor = Visitor(context, context.new_page(), watch, site, tmp_path_factory.mktemp("browser"), sessions)
    yield visitor
    context.close()
    assert watch.problems == []


@pytest.fixture(scope="package")
def craftspeople() -> Iterator[Staff]:
    """Unused users of empty tenants."""
    return iter(CRAFTSPEOPLE)


@pytest.fixture
def editor(visitor: Visitor, craftspeople: Iterator[Staff]) -> Visitor:
    """A signed-in editor of an empty tenant."""
    visitor.sign_in(next(craftspeople))
    return visitor
