"""What the tests read off the pages."""

from playwright.sync_api import Page


def sidebar(page: Page) -> list[str]:
    """Return the addresses that the sidebar leads to, in order, each once."""
    found = page.locator("nav a[href]").evaluate_all("all => all.map((link) => link.pathname)")
    return list(dict.fromkeys(found))
