"""Single cells of other programs: names, lists, addresses, HTML and values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.sources.lists import quoted_list, semicolon_list, split_emails, split_phones, triple_list
from importexport.sources.markup import html_text
from importexport.sources.names import split_name
from importexport.sources.values import Values


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Example", ("Ada", "Example")),
        ("Ada May Example", ("Ada May", "Example")),
        ("Bo van der Sample", ("Bo", "van der Sample")),
        ("Example, Ada", ("Ada", "Example")),
        ("Ada Example, PhD", ("Ada Example,", "PhD")),
        ("Cher", ("Cher", "")),
        ("", ("", "")),
    ],
)
def test_a_full_name_is_split_at_the_last_space(name, parts):
    assert split_name(name) == parts


@given(st.text(alphabet="Aab ,'-é", max_size=30))
def test_no_letter_of_a_name_is_lost(name):
    letters = sorted(name.replace(" ", "").replace(",", ""))
    assert sorted("".join(split_name(name)).replace(" ", "").replace(",", "")) == letters


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("ada@x.example", ["ada@x.example"]),
        ("ada@x.example, bo@x.example", ["ada@x.example", "bo@x.example"]),
        ("ada@x.example ::: bo@x.example", ["ada@x.example", "bo@x.example"]),
        ("ada@x.example;bo@x.example;", ["ada@x.example", "bo@x.example"]),
        ("Ada <ada@x.example>", ["ada@x.example"]),
        ('"Example, Ada" <ada@x.example>, bo@x.example', ["ada@x.example", "bo@x.example"]),
        ("mailto:ada@x.example?subject=Hi", ["ada@x.example"]),
        ("nobody, at all", ["nobody, at all"]),
        ("ada@x.example; ADA@x.example", ["ada@x.example"]),
    ],
)
def test_addresses_of_a_cell(cell, addresses):
    assert split_emails(cell) == addresses


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("+1 555 010 0003 ::: +1 555 010 0004", ["+1 555 010 0003", "+1 555 010 0004"]),
        ("555-0100, 555-0101", ["555-0100", "555-0101"]),
        ("555-0100, ext. 5", ["555-0100, ext. 5"]),
        ("555-0100 x5", ["555-0100 x5"]),
        ("555-0100; office", ["555-0100; office"]),
        ("4,47912E+11", ["4,47912E+11"]),
        ("555-0100, 555-0100", ["555-0100"]),
    ],
)
def test_phone_numbers_of_a_cell(cell, numbers):
    assert split_phones(cell) == numbers


def test_lists_of_tags():
    assert quoted_list('"VIP","Blog"') == "VIP,Blog"
    assert semicolon_list("Kunde; VIP;") == "Kunde,VIP"
    assert triple_list("* myContacts ::: Customers ::: * starred") == "Customers"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<div>Ask about <b>budget</b></div>", "Ask about budget"),
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n\n- Two"),
        ("Tom &amp; Ada", "Tom & Ada"),
        ("a < b and b > c", "a < b and b > c"),
        ("Line 1\nLine 2", "Line 1\nLine 2"),
        ("<style>p {}</style><script>x()</script>Text", "Text"),
        ("<pre>one\n  two</pre>", "one\n  two"),
        ("Line 1\nTom &amp; Ada", "Line 1\nTom & Ada"),
        ("Line 1\n<b>Line</b> 2", "Line 1\nLine 2"),
        ("<p>Line\n1</p>", "Line 1"),
        ("Ask <ada@x.example> about <budget>", "Ask <ada@x.example> about <budget>"),
        ("<p>Ask <ada@x.example></p>", "Ask <ada@x.example>"),
        ('See <a href="https://x.example/1">the offer</a>', "See the offer (https://x.example/1)"),
        ('<a href="mailto:ada@x.example">ada@x.example</a>', "ada@x.example"),
        ("<p>One<o:p></o:p></p>", "One"),
        ("<p><![if !supportLists]>1.<![endif]> One<!-- two --></p>", "1. One"),
        ("<p>One <![CDATA[two]]> <![</p>", "One"),
        ("<?xml version='1.0'?><!DOCTYPE html><html><head><title>No</title></head><body>One</body></html>", "One"),
        ("<title>One", "One"),
        ('<p title="a > b">One</p>', "One"),
        ("<p>One <b</p>", "One <b"),
        ("<p>?a=1&copy=2 &copy;</p>", "?a=1&copy=2 ©"),
        ("<p>" + "<p" * 60_000, "<p" * 60_000),
        ("<p>" + "<!--" * 40_000, "<!--" * 40_000),
        ("<p>" + '<a "' * 40_001, '<a "' * 40_001),
    ],
)
def test_html_becomes_text(cell, text):  # also where it was made to take for ever
    assert html_text(cell) == text


def test_values_are_matched_as_choices_are():
    values = Values(own=["lead", "qualified", "customer"], map_name="lifecycle_stage")
    assert [values.meant(text) for text in ("Marketing Qualified-Lead", "CUSTOMER", "Unheard of", "")] == [
        "qualified", "customer", "Unheard of", "",
    ]  # fmt: skip


def test_what_a_caller_says_about_values_counts_most():
    values = Values(
        own=["lead", "qualified"], given={"Subscriber": "qualified", "Other": None}, map_name="lifecycle_stage"
    )
    assert [values.meant(text) for text in ("subscriber", "Other", "Lead")] == ["qualified", "", "lead"]
