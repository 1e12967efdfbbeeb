"""Initial values in URLs, and the selected records of actions, including invalid ones."""

import pytest

from crm.models import Activity, Company

HUGE, LONG = "9" * 40, "9" * 5000


@pytest.mark.parametrize(
    "address",
    [
        "contact/add/?company=abc", f"contact/add/?company={HUGE}", f"contact/add/?company={LONG}", "contact/add/?tags=[",
        "contact/add/?first_name=%00", "deal/add/?expected_close_date=99999999999-01-01", "activity/add/?scheduled_at=x&deal=(",
    ],
)  # fmt: skip
def test_a_form_ignores_invalid_initial_values(acme, address):
    assert acme.client("editor").get(f"/admin/crm/{address}").status_code == 200


def test_a_form_has_initial_values_from_its_url(acme):
    company = acme.records[Company].pk
    query = {"first_name": "Ada", "lifecycle_stage": "nonsense", "company": company}
    form = acme.client("editor").get("/admin/crm/contact/add/", query).context["adminform"].form
    assert form.initial == {"first_name": "Ada", "company": str(company)}


@pytest.mark.parametrize("chosen", ["abc", HUGE, LONG, "\0", ""])
@pytest.mark.parametrize("model", ["crm/contact", "crm/apikey", "auth/user"])
def test_an_action_ignores_invalid_ids(acme, superuser, model, chosen):
    form = {"action": "delete_selected", "_selected_action": chosen}
    assert superuser.post(f"/admin/{model}/", form).status_code in {200, 302}


def test_an_action_applies_to_the_valid_ids(acme):
    chosen = ["abc", str(acme.records[Activity].pk), HUGE]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert acme.client("editor").post("/admin/crm/activity/", form).status_code == 302
    assert not Activity.objects.exists()
