"""What a file has is stored or told: second phones, names in one cell, currencies beside amounts, days that move."""

import pytest

from importexport.models import ImportRun

pytestmark = pytest.mark.django_db


def warnings(api):
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    return [(warning["rows"], warning["example"]) for warning in run["warnings"]]


def test_our_own_export_with_two_numbers_in_a_cell_changes_nothing(api):
    api.import_csv("contacts", 'first_name,last_name,email,phone\nAda,Example,a@x.example,"030 1, 030 2"\n')
    before = api.export("contacts")
    api.import_csv("contacts", before, "source=auto&mode=upsert")
    assert api.export("contacts") == before


def test_a_full_name_with_words_that_first_and_last_name_lack_is_told(api):
    file = (
        "Who,first_name,last_name,email\n"
        'Bo Sample,Al,,bo@x.example\nExample ada,Ada,Example,a@x.example\n"Berg, Cy",Cy,Berg,c@x.example\n'
    )
    api.import_csv("contacts", file, 'mapping={"Who": "full_name"}&incomplete=accept')
    assert warnings(api) == [(1, "'Bo Sample' in 'Who' is not imported: 'first_name' has another value already")]


def currencies(api):
    return [(row["value"], row["currency"]) for row in api.rows("deals")]


def test_the_currency_beside_an_amount_is_the_deals(api):
    file = "name;Amount\nA;€ 99,00\nB;1.234,50 CHF\nC;$ 5,00\nD;7,00\n"
    api.import_csv("deals", file, 'source=auto&mapping={"Amount":"value"}')
    assert currencies(api) == [("99.00", "EUR"), ("1234.50", "CHF"), ("5.00", "USD"), ("7.00", "USD")]
    assert warnings(api) == []


@pytest.mark.parametrize("query", ["source=auto", "decimal=comma"])
def test_a_currency_that_is_not_the_deals_is_told(api, query):
    file = "name;value;currency\nA;£ 99,00;\nB;€ 7,00;USD\nC;€ 7,00;eur\nD;kr 7,00;NOK\n"
    api.import_csv("deals", file, query)
    assert currencies(api) == [("99.00", "USD"), ("7.00", "USD"), ("7.00", "EUR"), ("7.00", "NOK")]
    assert warnings(api) == [(2, "'£' in 'value' is not imported: the currency of the deal is USD")]


def test_what_a_caller_says_about_blank_currencies_counts_for_signs_of_several(api):
    api.import_csv("deals", "name,value\nA,£5.50\nB,€5.50\nC,5.50\n", 'source=auto&values={"currency":{"":"GBP"}}')
    assert [currency for _, currency in currencies(api)] == ["GBP", "EUR", "GBP"]
    assert warnings(api) == []


def test_an_amount_in_two_currencies_is_no_number(api):
    result = api.import_csv("deals", "name,value\nA,€ 5.50 USD\nB,$5.50 USD\n", "source=auto")
    assert result["errors"] == ["Row 2: Invalid number format in 'value'"]


def test_a_number_that_contradicts_the_decimal_separator_said_is_no_number(api):
    result = api.import_csv("deals", "name;value\nA;1.5\nB;1,5\nC;1.500\nD;15\n", "decimal=comma")
    assert result["errors"] == ["Row 2: Invalid number format in 'value'"]
    assert [value for value, _ in currencies(api)] == ["1.50", "1500.00", "15.00"]
    run = ImportRun.objects.get()
    [row] = api.look(f"imports/{run.pk}/rows?action=reject")["results"]
    assert row["errors"][0]["value"] == "1.5"


def test_values_are_said_of_each_tag(api):
    file = (
        'First Name,Last Name,Email,tags\nA,B,a@x.example,"Neu, old,VIP"\nC,D,c@x.example,neu\nE,F,e@x.example,"x, y"\n'
    )
    api.import_csv("contacts", file, 'source=auto&values={"tags":{"neu":"new","old":null}}')
    assert [row["tags"] for row in api.rows("contacts")] == ["new,VIP", "new", "x,y"]


def test_tags_in_quotes_are_tags_also_of_a_program_that_is_not_recognised(api):
    api.import_csv(
        "contacts",
        'First Name,Last Name,Email Address,Tags\nAda,Example,a@x.example,"""VIP"",""x y"""\n',
        "source=auto",
    )
    assert api.rows("contacts")[0]["tags"] == "VIP,x y"


def test_a_status_of_deals_that_nobody_knows_is_told(api):
    file = "Deal - Title,Deal - Value,Deal - Currency of Value,Deal - Status\nA,1,USD,Deleted\nB,1,USD,Open\n"
    api.import_csv("deals", file, "source=pipedrive")
    assert warnings(api) == [(1, "'Deleted' in 'Deal - Status' is stored as 'open'")]


def test_the_stage_of_a_deal_that_is_won_is_told_where_another_takes_its_place(api):
    file = (
        "Deal - Title,Deal - Value,Deal - Currency of Value,Deal - Stage,Deal - Status\n"
        "A,1,USD,Proposal,Won\nB,1,USD,Closed Won,Won\nC,1,USD,,Lost\n"
    )
    api.import_csv("deals", file, "source=pipedrive")
    assert [row["stage_name"] for row in api.rows("deals")] == ["Closed Won", "Closed Won", "Closed Lost"]
    assert warnings(api) == [(1, "'Proposal' in 'Deal - Stage' is stored as 'Closed Won'")]
