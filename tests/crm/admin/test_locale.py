"""Pages write dates and numbers as is usual in the country of the account, and read dates in its order."""

import datetime as dt
import re
from decimal import Decimal
from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.forms import DateField
from django.utils import translation
from django.utils.formats import get_format
from django.utils.translation import to_locale

from crm.admin import formatting
from crm.models.tenant import LOCALES, create_tenant
from tests.support.staff import Staff, add_deal, sign_in

MOMENT = dt.datetime(2025, 6, 15, 14, 5, tzinfo=dt.UTC)
NUMBER = Decimal("1234567.50")


def written(locale):
    with translation.override(locale):
        return formatting.exactly(MOMENT, dt.UTC), formatting.number(NUMBER).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("locale", "moment", "number"),
    [
        ("en", "15 Jun 2025, 14:05 UTC", "1,234,567.50"),
        ("en-US", "Jun 15, 2025, 2:05 PM UTC", "1,234,567.50"),
        ("en-GB", "15 Jun 2025, 14:05 UTC", "1,234,567.50"),
        ("en-IN", "15 Jun 2025, 2:05 PM UTC", "12,34,567.50"),
        ("en-DE", "15 Jun 2025, 14:05 UTC", "1.234.567,50"),
        ("en-CH", "15 Jun 2025, 14:05 UTC", "1’234’567.50"),
        ("en-FR", "15 Jun 2025, 14:05 UTC", "1 234 567,50"),
    ],
)
def test_a_locale_writes(locale, moment, number):
    assert written(locale) == (moment, number)


@pytest.mark.parametrize("locale", LOCALES)
def test_each_locale_has_its_formats_and_reads_the_dates_that_it_writes(locale):
    import_module(f"rally.formats.{to_locale(locale)}.formats")
    with translation.override(locale):
        assert get_format("DATE_INPUT_FORMATS")[0] == "%Y-%m-%d"
        assert DateField().clean(formatting.day(MOMENT)) == MOMENT.date()


@pytest.mark.parametrize(
    ("locale", "line"),
    [("en-DE", "Roof EUR 1.234,50 Lead 25% – 15 Jun 2025"), ("en-US", "Roof EUR 1,234.50 Lead 25% – Jun 15, 2025")],
)
def test_a_list_is_written_as_the_account_has_it(db, locale, line):
    tenant = create_tenant(slug="acme", name="Acme", locale=locale)
    add_deal(tenant, expected_close_date=dt.date(2025, 6, 15))
    assert line in Staff(tenant, "viewer").page("crm_deal_changelist").replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("locale", "typed", "stored"),
    [
        ("en-GB", "05/06/2025", dt.date(2025, 6, 5)),
        ("en-US", "05/06/2025", dt.date(2025, 5, 6)),
        ("en-DE", "05.06.2025", dt.date(2025, 6, 5)),
        ("en", "05/06/2025", None),
        ("en-CA", "05/06/2025", None),
        ("en", "2025-06-05", dt.date(2025, 6, 5)),
        ("en", "5 Jun 2025", dt.date(2025, 6, 5)),
        ("en-US", "Jun 5, 2025", dt.date(2025, 6, 5)),
    ],
)
def test_a_date_that_is_typed_is_read_in_the_order_of_the_country(db, locale, typed, stored):
    tenant = create_tenant(slug="acme", name="Acme", locale=locale)
    deal = add_deal(tenant)
    client = sign_in(tenant, "editor")
    page = client.get(f"/admin/crm/deal/{deal.pk}/change/")
    form = page.context["adminform"].form
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    answer = client.post(page.request["PATH_INFO"], data | {"expected_close_date": typed})
    deal.refresh_from_db()
    assert deal.expected_close_date == stored
    assert answer.status_code == (302 if stored else 200)


def test_charts_are_drawn_alike_in_all_locales(tenant):
    add_deal(tenant)
    staff = Staff(tenant, "viewer")
    drawn = []
    for locale in ("en", "en-DE"):
        tenant.locale = locale
        tenant.save()
        html = staff.client.get("/admin/").text
        drawn.append(re.findall(r'<(?:rect|svg|text)\b[^>]*?(?: (?:x|y|width|height)="[^"]*")+', html))
    assert drawn[0]
    assert drawn[0] == drawn[1]


def test_superusers_choose_how_dates_and_numbers_are_written(tenant):
    client = sign_in()
    address = f"/admin/crm/tenant/{tenant.pk}/change/"
    page = client.get(address)
    assert "Germany: 1.234.567,50 · 15 Jun 2025, 14:05 UTC" in page.text
    form = page.context["adminform"].form
    client.post(address, {name: form[name].value() for name in form.fields} | {"locale": "en-DE"})
    tenant.refresh_from_db()
    assert tenant.locale == "en-DE"


def test_a_locale_that_is_not_offered_is_refused(db):
    with pytest.raises(ValidationError, match="'en-XX' is not a valid choice"):
        create_tenant(slug="acme", name="Acme", locale="en-XX")
