"""Pages write dates, times and numbers in one way."""

import datetime as dt
import zoneinfo
from decimal import Decimal

from django.contrib.admin import site

from crm.admin import formatting
from tests.support.staff import Staff, add_deal

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MOMENT = dt.datetime(2025, 6, 15, 12, 5, tzinfo=dt.UTC)


def test_dates_and_times_name_month_and_zone():
    assert formatting.day(MOMENT) == "15 Jun 2025"
    assert formatting.exactly(MOMENT, BERLIN) == "15 Jun 2025, 14:05 CEST"
    assert formatting.clock(MOMENT, BERLIN) == "14:05 CEST"
    assert formatting.exactly(MOMENT, zoneinfo.ZoneInfo("America/Sao_Paulo")) == "15 Jun 2025, 09:05 -03"
    assert (formatting.month(MOMENT), formatting.day_of_year(MOMENT)) == ("Jun 2025", "15 Jun")


def test_the_site_writes_nothing_as_all_pages_do():
    assert site.empty_value_display == formatting.EMPTY


def test_numbers_are_grouped():
    assert formatting.number(1234567) == "1,234,567"
    assert formatting.number(Decimal("1234.50")) == "1,234.50"
    assert formatting.money(Decimal("1234.5"), "EUR") == "EUR\N{NO-BREAK SPACE}1,234.50"
    assert formatting.money(None, "EUR") == "–"
    assert formatting.per_cent(12.5, places=1) == "12.5%"


def test_lists_write_values_as_all_pages_do(tenant):
    add_deal(tenant, expected_close_date=dt.date(2025, 6, 15))
    words = Staff(tenant, "viewer").page("crm_deal_changelist").replace("\N{NO-BREAK SPACE}", " ")
    assert "Roof EUR 1,234.50 Lead 25% – 15 Jun 2025" in words


def test_a_form_that_may_only_be_viewed_writes_values_as_all_pages_do(tenant):
    words = Staff(tenant, "viewer").page("crm_deal_change", add_deal(tenant).pk).replace("\N{NO-BREAK SPACE}", " ")
    assert "Value EUR 1,234.50" in words
    assert "Probability 25%" in words
