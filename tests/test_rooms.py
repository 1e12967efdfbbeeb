"""A folder can be seen at a glance."""

from collections import Counter

from tests.support.installation import ROOT


def test_no_folder_holds_more_than_twenty_modules():
    modules = [path for package in ("crm", "importexport", "rally") for path in (ROOT / package).rglob("*.py")]
    counts = Counter(path.parent.relative_to(ROOT) for path in modules if path.name != "__init__.py")
    full = {str(folder): count for folder, count in counts.items() if count > 20 and folder.name != "migrations"}
    assert full == {}
