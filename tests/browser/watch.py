"""Records errors in the browser during a test."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebError

#: A violation of the Content-Security-Policy becomes an error of the console.
REPORT_VIOLATIONS = """document.addEventListener('securitypolicyviolation', (violation) => console.error(
    `CSP violation: ${violation.effectiveDirective} ${violation.blockedURI} ${violation.sourceFile}`))"""
OWN_SCHEMES = {"data", "blob", "about"}


class Watch:
    """Errors in a browser: script errors, blocked content, failed requests, dialogs, and requests to other sites."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self._expected: list[str] = []
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._script_error)
        context.on("request", self._request)
        context.on("requestfailed", self._request_failed)
        context.on("page", self._page)

    def expect(self, words: str) -> None:
        """From now on, ignore errors that contain a text, for tests that provoke them."""
        self._expected.append(words)

    def _note(self, problem: str) -> None:
        if not any(words in problem for words in self._expected):
            self.problems.append(problem)

    def _page(self, page: Page) -> None:
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"A dialog opened: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"Console: {message.text} ({message.location.get('url', '')})")

    def _script_error(self, error: WebError) -> None:
        self._note(f"Script error: {error.error.stack or error.error.message}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(f"{self.origin}/") and urlsplit(request.url).scheme not in OWN_SCHEMES:
            self._note(f"A request to a stranger: {request.url}")

    def _request_failed(self, request: Request) -> None:
        # Leaving a page aborts its requests, and so does a download.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"Failed request: {request.url}: {request.failure}")
