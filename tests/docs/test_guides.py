"""The pages of `docs/`, as the server shows them and as files."""

import html
import re
from pathlib import Path

import pytest
from django.test import Client

from importexport import errors
from importexport.api.causes import Cause
from importexport.api.guides import TITLES, address_of, guide, slug
from importexport.api.openapi.document import description
from tests.support.installation import ROOT

PAGES = ["", *(f"/{name}" for name in [*TITLES, "problems"])]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture
def visitor():
    return Client()


def body_of(visitor, path):
    response = visitor.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def test_every_page_of_the_folder_is_served():
    assert {f"{name}.md" for name in TITLES} == {path.name for path in FILES[1:]}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_leads_to_all_others(visitor, page):
    found = re.findall(r'href="(/api/docs[^"#]*)"', body_of(visitor, f"/api/docs{page}"))
    assert {f"/api/docs{other}" for other in PAGES} <= set(found)


@pytest.mark.parametrize("page", PAGES[1:])
def test_every_link_of_a_page_leads_somewhere(visitor, page):
    for link in re.findall(r'href="([^"]+)"', body_of(visitor, f"/api/docs{page}")):
        path, _, anchor = html.unescape(link).partition("#")
        if path.startswith("/api/docs") or not path:
            target = body_of(visitor, path or f"/api/docs{page}")
            assert not anchor or f'id="{anchor}"' in target, link
        else:
            assert path.startswith(("/static/", "/admin/", "data:", "https://")), link


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_link_of_a_file_leads_to_a_file(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        name, _, anchor = link.partition("#")
        if link.startswith(("https://", "/api/")):
            continue
        target = path.parent / name if name else path
        assert target.exists(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in map(slug, headings), link


@pytest.mark.parametrize("name", TITLES)
def test_a_page_has_no_html_of_its_own(name):
    tags = set(re.findall(r"<(\w+)", guide(name).html))
    assert not tags & {"script", "style", "iframe", "img", "form", "object", "svg", "link", "meta"}


def test_raw_html_is_shown_as_text(tmp_path, monkeypatch):
    (tmp_path / "api.md").write_text("# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n")
    monkeypatch.setattr("importexport.api.guides.FOLDER", tmp_path)
    shown = guide.__wrapped__("api").html
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert "href" not in shown


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("import.md#options", "/api/docs/import#options"),
        ("docs/api.md", "/api/docs/api"),
        ("other.md", "other.md"),
        ("https://example.com/api.md", "https://example.com/api.md"),
    ],
)
def test_links_between_files_become_links_between_pages(link, address):
    assert address_of(link) == address


# --- what Integrate lists is all there is --------------------------------------------------------------------

INTEGRATE = Path(ROOT / "docs/integrate.md").read_text()


def section(title):
    """Return the text under a heading."""
    (found,) = re.findall(rf"^#+ {title}\n(.*?)(?=^#|\Z)", INTEGRATE, re.MULTILINE | re.DOTALL)
    return found


def first_cells(title):
    """Return the words in code of the first column of the table under a heading."""
    cells = re.findall(r"^\|(.+?)\|", section(title), re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A result", "Result"),
        ("A run", "Run"),
        ("A row", "Row"),
        ("A schedule", "Schedule"),
        ("A prepared export", "PreparedExport"),
    ],
)
def test_all_members_are_listed(title, name):
    members = description()["components"]["schemas"][name]["properties"]
    assert set(first_cells(title)) == {name for name, about in members.items() if not about.get("deprecated")}


def test_all_members_of_the_key_are_listed():
    listed = re.findall(r"`(\w+)`", section("The key"))
    parts = description()["components"]["schemas"]["Me"]["properties"]
    assert set(listed) == {*parts, *(name for part in parts.values() for name in part["properties"])}


def test_all_causes_are_listed():
    rows = re.findall(r"^\| (\d+) \| `([\w-]+)`( \*wait\*)? \| (.+) \|$", section("Errors of a request"), re.MULTILINE)
    found = {(int(status), slug, bool(wait), meaning) for status, slug, wait, meaning in rows}
    assert found == {(cause.status, cause.slug, cause.retry_after is not None, cause.meaning) for cause in Cause}


def test_all_codes_are_listed():
    assert first_cells("Warnings") == list(errors.WARNINGS)
    codes = (ROOT / "docs/api.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", codes, re.MULTILINE) == list(errors.CODES)
