"""All pages in the sidebar, for who sees least and most of an account. Those of superusers are in test_accessibility.py."""

import pytest

from tests.browser.pages import sidebar
from tests.browser.people import ADMIN, VIEWER


@pytest.mark.parametrize("staff", [VIEWER, ADMIN], ids=lambda staff: staff.username)
def test_all_pages_in_the_sidebar_work(visitor, staff):
    visitor.sign_in(staff)
    page = visitor.open("/admin/")
    for address in sidebar(page):
        assert page.goto(address).status == 200, address
