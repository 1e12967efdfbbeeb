"""Tags ignore case: in files, where they are added, removed or replaced, and when that is undone."""

import io

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.matching import fold
from crm.models import Contact
from crm.models.tenant import create_tenant
from importexport import services
from importexport.engine.upsert.tags import merge
from importexport.models import ImportRun
from tests.support.api import one_row

UPDATE = "mode=update"


@pytest.fixture
def ada(tenant):
    return Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com")


def set_tags(record, tags):
    """Give a record tags by SQL alone, as it had them before case was ignored."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_contact SET tags = %s WHERE id = %s", [tags, record.pk])


def tags_of(record):
    record.refresh_from_db()
    return record.tags


def change(api, cell, how):
    """Change the tags of the only contact by a file; return the answer."""
    return api.import_csv("contacts", f'email,tags\nada@example.com,"{cell}"\n', f"{UPDATE}&tags={how}")


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("VIP, vip, Vip", ["VIP"]),
        ("vip,emea,VIP", ["vip", "emea"]),
        ("Straße,STRASSE,strasse", ["Straße"]),
        ("ΟΔΟΣ,οδος,οδοσ", ["ΟΔΟΣ"]),
        ("İ,i̇,i,I,ı", ["İ", "i", "ı"]),
        ("key  account,Key Account", ["key  account"]),
        ("Zoe\u0308,ZOË", ["Zoë"]),
        ("a-b,a b,ab", ["a-b", "a b", "ab"]),
    ],
)
def test_of_tags_that_differ_in_case_alone_the_first_spelling_stays(api, cell, tags):
    api.import_csv("contacts", one_row("contacts", tags=cell))
    assert Contact.objects.get().tags == tags


@pytest.mark.parametrize(
    ("present", "how", "cell", "tags"),
    [
        (["VIP", "x"], "add", "vip,New,NEW", ["VIP", "x", "New"]),
        (["VIP", "x"], "remove", "vip", ["x"]),
        (["VIP", "x"], "replace", "vip", ["vip"]),
        (["Straße"], "add", "STRASSE,strasse", ["Straße"]),
        (["STRASSE"], "remove", "straße", []),
        (["ΟΔΟΣ"], "add", "οδος,οδοσ", ["ΟΔΟΣ"]),
        (["οδος"], "remove", "ΟΔΟΣ", []),
        (["İ"], "add", "i̇,i", ["İ", "i"]),
        (["İ", "i", "ı"], "remove", "I", ["İ", "ı"]),
        (["Key Account"], "remove", "key   account", []),
        ([], "add", "A,a", ["A"]),
        ([], "remove", "A", []),
        (["a", "b"], "add", "", ["a", "b"]),
    ],
)
def test_tags_of_records_are_changed_whatever_their_case(api, ada, present, how, cell, tags):
    set_tags(ada, present)
    assert change(api, cell, how)["imported"] == 1
    assert tags_of(ada) == tags


@pytest.mark.parametrize("how", ["replace", "add"])
def test_tags_stored_before_case_was_ignored_stay_as_they_are(api, ada, how):
    set_tags(ada, ["VIP", "vip", "x"])
    assert change(api, "VIP,vip,x", how)["imported"] == 1
    assert tags_of(ada) == ["VIP", "vip", "x"]
    assert ImportRun.objects.get().counts == {"create": 0, "unchanged": 1, "reject": 0}


def test_a_tag_is_removed_in_all_its_spellings(api, ada):
    set_tags(ada, ["VIP", "x", "vip"])
    change(api, "Vip", "remove")
    assert tags_of(ada) == ["x"]


def test_tags_are_replaced_by_some_of_them(api, ada):
    set_tags(ada, ["a", "b", "A"])
    change(api, "a", "replace")
    assert tags_of(ada) == ["a"]


@pytest.mark.parametrize("how", ["add", "remove"])
def test_tags_that_do_not_change_write_nothing(api, ada, how):
    set_tags(ada, ["VIP"])
    change(api, "vip" if how == "add" else "other", how)
    assert ImportRun.objects.get().counts["unchanged"] == 1


def test_tags_with_quotes_commas_and_backslashes_apart_are_merged_whole(api, ada):
    set_tags(ada, ['say "hi"', "back\\slash"])
    change(api, '{x},NULL,SAY ""HI"",new\\line', "add")
    assert tags_of(ada) == ['say "hi"', "back\\slash", "{x}", "NULL", "new\\line"]


def test_fill_and_clear_take_the_options_word(api, ada):
    set_tags(ada, ["VIP"])
    content = "email,tags\nada@example.com,vip2\n"
    api.import_csv("contacts", content, f"{UPDATE}&tags=add&blank=fill")
    assert tags_of(ada) == ["VIP"]
    api.import_csv("contacts", "email,tags\nada@example.com,\n", f"{UPDATE}&tags=add&blank=clear")
    assert tags_of(ada) == []


def test_an_upsert_creates_with_the_tags_of_the_row(api, ada):
    set_tags(ada, ["VIP"])
    content = 'first_name,last_name,email,tags\nAda,L,ada@example.com,"vip,x"\nBob,L,bob@example.com,"A,a"\n'
    assert api.import_csv("contacts", content, "mode=upsert&tags=add")["imported"] == 2
    assert dict(Contact.objects.values_list("first_name", "tags")) == {"Ada": ["VIP", "x"], "Bob": ["A"]}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("how", "cell"), [("add", "vip,New"), ("remove", "vip"), ("replace", "vip")])
def test_an_undo_gives_back_the_spelling(api, ada, how, cell):
    set_tags(ada, ["VIP", "x"])
    change(api, cell, how)
    assert tags_of(ada) != ["VIP", "x"]
    assert api.undo(str(ImportRun.objects.get().pk))["updated"] == 1
    assert tags_of(ada) == ["VIP", "x"]


TAGS = st.lists(st.text("aAßsSİiıΣσς \u0308", min_size=1, max_size=3).map(str.strip).filter(bool), max_size=5)


@given(TAGS, TAGS)
def test_what_is_removed_is_gone_and_what_is_added_is_there(present, given_tags):
    folded = set(map(fold, given_tags))
    removed, added = merge(present, given_tags, "remove"), merge(present, given_tags, "add")
    assert removed == [tag for tag in present if fold(tag) not in folded]
    assert added[: len(present)] == present
    assert set(map(fold, added)) == folded | set(map(fold, present))
    assert merge(added, given_tags, "add") == added


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TAGS, min_size=1, max_size=4))
def test_an_export_changes_no_tags_when_it_comes_back(db, lists):
    tenant = create_tenant(slug=f"t{next(NUMBERS)}", name="T")
    content = "first_name,last_name,email,tags\n" + "".join(
        f'A,B,x{number}@example.com,"{",".join(tags)}"\n' for number, tags in enumerate(lists)
    )
    services.import_file(run_of(tenant), io.BytesIO(content.encode()))
    original = b"".join(services.export_file("contacts", tenant=tenant))
    for how in ("replace", "add"):
        run = run_of(tenant, mode="upsert", match_on="email", tags=how)
        assert list(services.import_file(run, io.BytesIO(original)).messages) == []
        assert run.counts == {"create": 0, "unchanged": len(lists), "reject": 0}
    assert b"".join(services.export_file("contacts", tenant=tenant)) == original


NUMBERS = iter(range(10_000))


def run_of(tenant, **options):
    return ImportRun(tenant=tenant, entity="contacts", channel="shell", options=options)
