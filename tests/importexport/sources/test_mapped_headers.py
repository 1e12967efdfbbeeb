"""Headers that are written alike, and mappings that name them: each is decided by somebody, or a question."""

import json
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.django_db
PEOPLE = "first_name,last_name,email"


def bring(api, content, mapping, **options):
    return api.post_file("contacts", content, query=urlencode({"mapping": json.dumps(mapping), **options}))


def detail(response):
    assert response.status_code == 400
    return json.loads(response.content)["detail"]


def test_a_mapping_tells_headers_apart_that_differ_in_case_only(api):
    response = bring(api, f"{PEOPLE},Fax,FAX\nAda,Example,a@x.example,1,2\n", {"Fax": None, "FAX": "phone"})
    assert response.status_code == 200
    assert api.rows("contacts")[0]["phone"] == "2"


def test_what_a_mapping_leaves_out_by_its_spelling_takes_no_other_header_with_it(api):
    response = bring(api, f"{PEOPLE},Phone,PHONE\nAda,Example,a@x.example,1,2\n", {"PHONE": None})
    assert response.status_code == 200
    assert api.rows("contacts")[0]["phone"] == "1"


def test_a_mapping_by_another_spelling_means_all_headers_that_are_written_so(api):
    response = bring(api, f"{PEOPLE},Fax,FAX\nAda,Example,a@x.example,1,2\n", {"fax ": None})
    assert (response.status_code, response["X-Import-Warnings"]) == (200, "0")


def test_a_mapping_that_names_one_header_twice_is_refused(api):
    response = bring(api, f"{PEOPLE},Fax\nAda,Example,a@x.example,1\n", {"Fax": "phone", "FAX ": "mobile"})
    assert detail(response) == (
        "The mapping names a header that the file does not have: 'FAX '. The file has 'first_name', 'last_name', 'email',"
        " 'Fax'."
    )


def test_of_two_headers_that_are_spelled_alike_one_has_to_be_renamed(api):
    response = api.post_file("contacts", f"{PEOPLE},Phone,Phone\nAda,Example,a@x.example,1,2\n", query="source=auto")
    assert detail(response) == (
        "Two headers are called 'Phone', and both give 'phone'. Rename one of them in the file, or leave out both with"
        ' mapping={"Phone": null}.'
    )


@pytest.mark.parametrize("header", ["phone,Telephone", "Telephone,Phone Number", "Telefon,Telefon"])
def test_two_headers_for_one_column_are_a_question_where_no_program_says_which_counts(api, header):
    response = api.post_file("contacts", f"{PEOPLE},{header}\nAda,Example,a@x.example,1,2\n", query="source=auto")
    assert "both give 'phone'" in detail(response)
    assert api.rows("contacts") == []


def test_values_that_are_given_twice_are_refused(api):
    values = json.dumps({"lifecycle_stage": {"Kunde": "lead", "kunde ": "customer"}})
    response = bring(api, f"{PEOPLE},lifecycle_stage\nAda,Example,a@x.example,Kunde\n", {}, values=values)
    assert detail(response) == (
        "'values' gives 'lifecycle_stage' two meanings of one value: 'Kunde' and 'kunde ' match the same cells."
    )


def test_values_that_lead_nowhere_are_refused(api):
    values = json.dumps({"lifecycle_stage": {"Kunde": "better"}})
    response = bring(api, f"{PEOPLE},lifecycle_stage\nAda,Example,a@x.example,Kunde\n", {}, values=values)
    assert detail(response) == (
        "'values' gives 'Kunde' as 'better', which is no lifecycle_stage. Expected null or one of: lead, qualified,"
        " opportunity, customer, evangelist."
    )
