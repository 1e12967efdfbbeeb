"""Reading pages, and the steps of an import."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

#: A check or an import of a large file, on a machine that is busy with others.
LONG = 120_000


def sidebar(page: Page) -> list[str]:
    """Return the distinct URLs in the sidebar, in order."""
    found = page.locator("nav a[href]").evaluate_all("all => all.map((link) => link.pathname)")
    return list(dict.fromkeys(found))


def csv_of(*rows: str) -> bytes:
    """Return a file with some rows."""
    return "".join(f"{row}\n" for row in rows).encode()


class Wizard:
    """The pages of an import: upload, preview and result."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def choose(self, entity: str, content: bytes, *, name: str = "file.csv") -> None:
        """Upload a file."""
        self.page.goto(f"/admin/crm/{entity}/import/")
        self.page.get_by_label("Choose a CSV file").set_input_files(
            {"name": name, "mimeType": "text/csv", "buffer": content}
        )
        self.page.get_by_role("button", name="Check the file").click()

    def wait_for(self, title: str) -> None:
        """Wait for the page with a title: "What are the columns of", "Preview of", "Result of", "cannot be imported"."""
        expect(self.page.locator("h2.ie-title")).to_contain_text(title, timeout=LONG)

    def preview(self, entity: str, content: bytes, **options: Any) -> None:
        """Upload a file and wait for its preview."""
        self.choose(entity, content, **options)
        self.wait_for("Preview of")

    def match(self) -> None:
        """Wait for the Match page, take it as it is, and wait for the preview."""
        self.wait_for("What are the columns of")
        self.page.get_by_role("button", name="Check the file").click()
        self.wait_for("Preview of")

    def confirm(self) -> None:
        """Confirm the import and wait for its result."""
        self.page.get_by_role("button", name="Import ").click()
        self.wait_for("Result of")

    @property
    def figures(self) -> list[str]:
        """The figures: rows in the file, imported, rejected, and warnings if there are any."""
        return self.page.locator(".ie-figures dd").all_inner_texts()

    @property
    def rejected_rows(self) -> Locator:
        """The rows of the table of rejected rows."""
        return self.page.locator("#rejected tbody tr")

    def download(self, link: str) -> str:
        """Return the text of the file behind a link."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=link).click()
        return waiting.value.path().read_text(encoding="utf-8")
