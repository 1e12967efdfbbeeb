"""How many records an import has, on the list that its page links to, and on the export page."""

from crm.admin import lists
from importexport.admin import mixins
from tests.support.staff import HEADER


def test_the_list_of_an_import_counts_them_all_and_so_does_the_export_page(editor, monkeypatch):
    run = editor.confirm(editor.check(HEADER + "".join(f"A,B,a{n}@example.com,\r\n" for n in range(8))))
    monkeypatch.setattr(lists, "EXACT_UP_TO", 3)
    assert " 8 contacts" in editor.page("crm_contact_changelist", run=str(run.pk))
    assert " 8 contacts" not in editor.page("crm_contact_changelist")
    assert "All 8 contacts" in editor.page("crm_contact_export")
    assert "The filtered list 8 contacts" in editor.page("crm_contact_export", list=f"run={run.pk}")
    monkeypatch.setattr(mixins, "EXACT_WHERE_IT_MATTERS", 3)
    monkeypatch.setattr("crm.statistics.estimate_records", lambda _: 1)
    assert "All more than 3 contacts" in editor.page("crm_contact_export")
