"""Takes the README's screenshots of a demo tenant on a temporary server: `make screenshots`."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from docs.png import shrink
from docs.stage import PASSWORD, USER
from tests.browser.chromium import MISSING, find_chromium, start_chromium
from tests.browser.pages import Wizard

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs/images"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PATIENCE = 60

COLUMNS = "first_name,last_name,E-mail,phone_number,company_name,lifecycle_stage"
GOOD = """Mary Shelley, Bram Stoker, Jane Austen, Emily Brontë, Oscar Wilde, Selma Lagerlöf, Italo Calvino,
Clarice Lispector, Chinua Achebe, Toni Morrison, Gabriela Mistral, Wisława Szymborska, Octavia Butler, George Eliot,
Naguib Mahfouz, Virginia Woolf, Jorge Borges, Astrid Lindgren, Rabindranath Tagore, Anna Akhmatova, Pablo Neruda,
Doris Lessing"""
BAD = """Arthur,Doyle,arthur.example.com,,Acme Labs,lead
Agatha,Christie,agatha@example.com,,Acme Lab,lead
Dorothy,Sayers,dorothy@example.com,,Acme Lab,customer
,Chandler,ray@example.com,,Globex Group,lead
Patricia,Highsmith,pat@example.com,,Initech Foods,prospect
Cassandra,Austen,austen@example.com,,,lead
"""


def contacts() -> bytes:
    """Return a realistic file: most of its rows are valid, some are not."""
    people = [name.split() for name in GOOD.replace("\n", " ").split(", ")]
    rows = [f"{first},{last},{address_of(last)},,Acme Labs,lead" for first, last in people]
    return "\n".join([COLUMNS, *rows, BAD]).encode()


def address_of(name: str) -> str:
    """Return an e-mail address for a name."""
    return f"{unicodedata.normalize('NFKD', name).encode('ascii', 'ignore').decode().lower()}@example.com"


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve a demo tenant in a temporary directory; yield its URL."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        port = listener.getsockname()[1]
        listener.close()
        env = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR"}}
        env |= {"RALLY_DATA_DIR": f"{folder}/data", "PORT": str(port), "LOG_LEVEL": "ERROR"}
        manage, log = [sys.executable, "manage.py"], Path(folder, "log")
        with log.open("wb") as output:
            server = subprocess.Popen([*manage, "serve", "--demo"], cwd=ROOT, env=env, stdout=output, stderr=output)
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz", server, log)
            stage = "from docs.stage import set_stage; set_stage()"
            subprocess.run([*manage, "shell", "-v", "0", "-c", stage], cwd=ROOT, env=env, check=True)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()
            # PostgreSQL stops shortly after its last user. Wait, because its directory cannot be removed before.
            wait_until_gone(Path(folder, "data/postgres/postmaster.pid"))


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a URL responds; raise SystemExit if the server exits, or on timeout."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit(f"The server did not come up.\n{log.read_text()}")


def wait_until_gone(path: Path) -> None:
    """Wait until a file no longer exists."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and path.exists():
        time.sleep(0.1)
    time.sleep(1)  # Its last process exits slightly later.


class Camera:
    """Takes screenshots of a site."""

    def __init__(self, browser: Browser, address: str) -> None:
        context = browser.new_context(base_url=address, viewport=DESKTOP, reduced_motion="reduce", locale="en-GB")
        context.set_default_timeout(PATIENCE * 1000)
        self.page: Page = context.new_page()
        self._table = browser.new_page()

    def take(self, name: str) -> None:
        """Save a screenshot of the current page."""
        picture = shrink(self._table, self.page.screenshot())
        (IMAGES / f"{name}.png").write_bytes(picture)
        print(f"docs/images/{name}.png  {len(picture) // 1024} kB")


def tour(camera: Camera) -> None:
    """Take the screenshots in the order of the README."""
    page = camera.page
    page.goto("/admin/")
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("/admin/")
    camera.take("dashboard")
    page.goto("/admin/crm/contact/")
    camera.take("contacts")
    page.goto("/admin/crm/contact/import/")
    file = {"name": "writers.csv", "mimeType": "text/csv", "buffer": contacts()}
    page.get_by_label("Choose a CSV file").set_input_files(file)
    camera.take("import-choose")
    page.get_by_role("button", name="Check the file").click()
    wizard = Wizard(page)
    wizard.wait_for("Preview of")
    camera.take("import-preview")
    page.set_viewport_size(PHONE)
    camera.take("phone")
    page.set_viewport_size(DESKTOP)
    wizard.confirm()
    # High enough for the rejected rows.
    page.set_viewport_size(DESKTOP | {"height": 1400})
    camera.take("import-result")


def main() -> None:
    """Take all screenshots."""
    path = find_chromium()
    if path is None:
        raise SystemExit(MISSING)
    IMAGES.mkdir(exist_ok=True)
    with served() as address, sync_playwright() as playwright:
        browser = start_chromium(playwright, path)
        tour(Camera(browser, address))
        browser.close()


if __name__ == "__main__":
    main()
