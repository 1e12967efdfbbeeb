"""The table of changes, and what an update is called."""

import pytest

from crm.models import Contact
from importexport.admin.preview.words import Effects
from importexport.history.losses import count_losses
from importexport.models import ImportRun
from tests.support.api import Api

HEAD = "first_name,last_name,email,phone,tags\n"


@pytest.fixture
def people(transactional_db, tenant):
    Api(tenant).import_csv(
        "contacts",
        HEAD + 'Ada,L,ada@example.com,1,"VIP,old"\nBo,K,bo@example.com,1,\nCy,M,cy@example.com,1,new\n',
    )


def test_what_is_cleared_and_which_tags_are_lost_comes_first_and_is_counted(editor, people):
    mended = HEAD + 'Bo,K,bo@example.com,2,\nCy,M,cy@example.com,,new\nAda,L,ada@example.com,3,"vip,x"\n'
    run = editor.check(mended, mode="update", blank="clear")
    assert run.losses == {"cells": 1, "tags": 1, "rows": 2, "first": [3, 4]}
    words = editor.run_page(run)
    assert "1 value cleared, 1 tag lost. These rows are listed first." in words
    before = words.index("3 Cy M phone 1 empty cleared ")
    assert before < words.index("4 Ada L tags VIP,old vip,x lost: old phone 1 3 ") < words.index("2 Bo K phone 1 2 ")
    page = editor.get("importexport_importrun_change", run.pk).content.decode()
    cy = Contact.objects.get(first_name="Cy")
    assert f'<a class="ie-link" href="/admin/crm/contact/{cy.pk}/change/"><bdi>Cy M</bdi></a>' in page
    cy.delete()
    assert "3 no longer exists phone 1 empty cleared " in editor.run_page(run)


def test_the_losses_of_an_import_without_a_plan_are_counted_by_its_page(admin_of_tenant, people):
    Api(admin_of_tenant.tenant).post_file("contacts", "email,tags\nada@example.com,\n", query="mode=update&blank=clear")
    run = ImportRun.objects.first()
    assert (run.losses, count_losses(run).tags) == ({}, 2)
    assert "2 tags lost. These rows are listed first." in admin_of_tenant.run_page(run)


def test_an_update_that_would_change_nothing_is_not_offered(editor, people):
    words = editor.run_page(editor.check(HEAD + "Bo,K,bo@example.com,1,\n", mode="update"))
    assert "Nothing would change. 1 contact is already as in the file. No row would be rejected." in words
    assert "Update 1" not in words


@pytest.mark.parametrize(
    ("effects", "button"),
    [
        (Effects("contacts", 0, 117, 3), "Update 117 contacts"),
        (Effects("companies", 80, 37, 0), "Add 80 and update 37"),
        (Effects("deals", 1, 0, 5), "Add 1 deal"),
        (Effects("deals", 0, 0, 5), ""),
    ],
)
def test_a_button_says_what_it_does(effects, button):
    assert effects.button == button
