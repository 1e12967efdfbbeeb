"""Log a call, Add task, Add deal: filled in, and back to the record."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from crm.models import Activity, Company, Contact, Deal, Stage

LABELS = ["Log a call", "Add task", "Add deal"]


def shortcuts(client, record):
    """Return the URLs of the shortcuts on a record's page, by label."""
    page = client.get(f"/admin/crm/{record._meta.model_name}/{record.pk}/change/")
    return {str(shortcut.label): address for shortcut, address in page.context["shortcuts"]}


def filled_in(client, address):
    return client.get(address).context["adminform"].form.initial


def posted(form, **values):
    """Return the data that a browser sends for a form: its initial values, and what is typed."""
    data = {}
    for bound in form:
        value = values.get(bound.name, bound.value())
        if isinstance(value, dt.datetime):
            local = timezone.localtime(value)
            data |= {f"{bound.name}_0": f"{local:%Y-%m-%d}", f"{bound.name}_1": f"{local:%H:%M:%S}"}
        elif value is not None:
            data[bound.name] = value
    return data


@pytest.mark.parametrize("model", [Contact, Company, Deal])
def test_a_record_has_three_shortcuts(acme, model):
    assert list(shortcuts(acme.client("editor"), acme.records[model])) == LABELS
    page = acme.client("editor").get(f"/admin/crm/{model._meta.model_name}/{acme.records[model].pk}/change/")
    assert all(label in page.content.decode() for label in LABELS)


def test_a_viewer_has_no_shortcuts(acme):
    assert shortcuts(acme.client("viewer"), acme.records[Contact]) == {}


def test_a_call_is_filled_in_as_done_now(acme):
    contact, client = acme.records[Contact], acme.client("editor")
    initial = filled_in(client, shortcuts(client, contact)["Log a call"])
    assert timezone.now() - initial.pop("completed_at") < dt.timedelta(minutes=5)
    assert initial == {
        "activity_type": "call",
        "status": "completed",
        "subject": "Call with Ada Of-acme",
        "contact": contact.pk,
        "company": contact.company_id,
    }


def test_a_task_is_due_today_in_the_accounts_time_zone(acme):
    acme.tenant.timezone = "Pacific/Kiritimati"
    acme.tenant.save()
    deal, client = acme.records[Deal], acme.client("editor")
    assert filled_in(client, shortcuts(client, deal)["Add task"]) == {
        "activity_type": "task",
        "due_date": timezone.localtime(timezone=acme.tenant.zone).date(),
        "deal": deal.pk,
        "contact": deal.contact_id,
        "company": deal.company_id,
    }


def test_a_deal_begins_in_the_first_stage(acme):
    company, client = acme.records[Company], acme.client("editor")
    first = Stage.objects.filter(tenant=acme.tenant).order_by("position").first()
    initial = filled_in(client, shortcuts(client, company)["Add deal"])
    assert initial == {"currency": "USD", "stage": first.pk, "company": company.pk}


@pytest.mark.parametrize("model", [Contact, Company, Deal])
@pytest.mark.parametrize(("label", "typed"), [("Log a call", {}), ("Add deal", {"name": "New deal"})])
def test_saving_leads_back_to_the_record_with_the_new_line(acme, model, label, typed):
    record, client = acme.records[model], acme.client("editor")
    address = shortcuts(client, record)[label]
    form = client.get(address).context["adminform"].form
    answer = client.post(address, posted(form, **typed) | {"_save": "Save"})
    added = Deal if label == "Add deal" else Activity
    name = added._meta.model_name
    assert answer.status_code == 302
    assert answer.url == f"/admin/crm/{model._meta.model_name}/{record.pk}/change/#{name}"
    if (added, model) != (Deal, Deal):
        page = client.get(answer.url)
        [panel] = [panel for panel in page.context["panels"]() if panel.name == name]
        assert panel.rows[0][0] == f"/admin/crm/{name}/{added.objects.latest('id').pk}/change/"
        assert f'id="{name}"' in page.content.decode()


def test_a_shortcut_of_another_accounts_record_fills_in_nothing(acme, globex):
    client = acme.client("editor")
    address = f"/admin/crm/activity/add/?shortcut=call&of=contact.{globex.records[Contact].pk}"
    page = client.get(address)
    assert page.context["adminform"].form.initial == {}
    assert "globex" not in page.content.decode().lower()
    data = {"activity_type": "call", "subject": "A", "status": "pending", "priority": "low", "_save": "Save"}
    assert client.post(address, data).url == "/admin/crm/activity/"


@pytest.mark.parametrize(
    "query",
    ["shortcut=call", "shortcut=x&of=contact.1", "shortcut=call&of=contact.x", "shortcut=call&of=.", "shortcut=call&of=contact.%00",
     "shortcut=deal&of=contact.1", "shortcut=call&of=contact.99999999999999999999", "shortcut=call&of=tenant.1", "shortcut=call&of=contact.²"],
)  # fmt: skip
def test_an_unknown_shortcut_fills_in_nothing(acme, query):
    page = acme.client("editor").get(f"/admin/crm/activity/add/?{query}")
    assert page.context["adminform"].form.initial == {}


def test_what_the_address_says_counts_more(acme):
    contact, client = acme.records[Contact], acme.client("editor")
    address = shortcuts(client, contact)["Log a call"]
    assert set(parse_qs(urlsplit(address).query)) == {"shortcut", "of"}
    assert filled_in(client, f"{address}&subject=Lunch")["subject"] == "Lunch"
