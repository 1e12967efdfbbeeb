"""Arbitrary URLs of the admin get a valid response, and reveal nothing."""

import uuid

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.filters import SimpleListFilter
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from crm.models import Activity, ApiKey, Company, Contact, Deal
from importexport.models import ImportRun, WebhookDelivery
from tests.support.staff import pick

HUGE = "9" * 40
#: More digits than Python takes for a number.
LONG = "9" * 5000
#: Values that have broken one list or another.
NASTY = ["\0", "(", HUGE, "99999999999-01-01"]
#: What an address of any list may hold, meant well or not.
PARAMETERS = [
    "q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "run", "state", "entity", "actor", "id__exact",
    "pk__in", "created_at__gte", "created_at__year", "company__id__exact", "name__regex", "file_name__regex",
    "tenant__id__exact", "role__exact", "is_active__exact", "lifecycle_stage__exact", "nothing__like__it", "__", "%00",
]  # fmt: skip
ROLES = ["viewer", "editor", "admin", "superuser", "superuser of acme"]
#: Who sees least, and who sees most.
WIDEST = ["viewer", "superuser of acme"]
#: The pages of an import, apart from those that every model has.
PAGES_OF_RUNS = ["progress", "rejected", "rows", "undo", "confirm"]
#: Answers that are not our error.
RIGHT = {200, 302, 400, 403, 404}


@pytest.fixture
def visitor(acme, globex, superuser):
    """Return a client signed in with a role, which gets error pages instead of exceptions."""

    def visit(role):
        client = superuser if role.startswith("superuser") else acme.client(role)
        if role == "superuser of acme":
            pick(client, acme.tenant)
        client.raise_request_exception = False
        return client

    return visit


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def registered():
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


def wrong(client: Client, addresses):
    """Return the URLs with an unexpected response, and the status."""
    answers = ((address, client.get(address).status_code) for address in addresses)
    return [(address[:200], status) for address, status in answers if status not in RIGHT]


@pytest.mark.parametrize("role", ROLES)
def test_lists_accept_any_query_string(visitor, role):
    client = visitor(role)
    for model in registered():
        asked = [f"{list_of(model)}?{query}" for query in queries(role, model)]
        assert wrong(client, asked) == []


def queries(role, model=None):
    """Return some parameters, each with one of the values. Over the roles, a model's list gets every parameter with two
    of the values, and over a few models, with each."""
    first = ROLES.index(role) + (registered().index(model) if model else 0)
    asked = [urlencode([(name, NASTY[(first + place) % len(NASTY)])]) for place, name in enumerate(PARAMETERS)]
    # Each of the two has the half that the other has not; the three roles between them, a third each.
    return asked[WIDEST.index(role) :: 2] if role in WIDEST else asked[first % 3 :: 3]


@pytest.mark.parametrize(
    ("role", "model"),
    [("viewer", "contact"), ("editor", "company"), ("admin", "deal"), ("superuser", "deal"), ("superuser of acme", "activity")],
)  # fmt: skip
def test_import_and_export_pages_accept_any_query_string(visitor, role, model):
    client = visitor(role)
    lists = queries(role)
    page, file = reverse(f"admin:crm_{model}_export"), reverse(f"admin:crm_{model}_export_file")
    asked = [f"{page}?{urlencode({'list': text})}" for text in lists]
    asked += [
        f"{file}?{urlencode({'list': text, 'rows': 'list', 'columns': 'notes', 'format': 'csv'})}" for text in lists
    ]
    asked += [f"{file}?{urlencode({name: value})}" for name in ("format", "rows", "columns", "list") for value in NASTY]
    for name in ("import", "import_help", "import_template"):
        asked += [f"{reverse(f'admin:crm_{model}_{name}')}?{urlencode({'q': value})}" for value in NASTY]
    assert wrong(client, asked) == []


@pytest.mark.parametrize("role", ROLES)
def test_record_pages_accept_any_id(visitor, role, acme):
    client = visitor(role)
    names = ["0", HUGE, "abc", "%00", "_5F", str(uuid.uuid4())]
    names = names if role in WIDEST else names[ROLES.index(role) :: 3]
    for model in registered():
        assert wrong(client, [f"{list_of(model)}{name}/{page}" for name in names for page in pages_of(model)]) == []


def pages_of(model):
    """Return the pages of a model's records: those of every model, and those that one model has of its own.

    Of contacts, the latter as well: they are what any page is that a model has not.
    """
    own = {User: ["password/"], ApiKey: ["revoke/"], ImportRun: [f"{name}/" for name in PAGES_OF_RUNS]}
    missing = [page for pages in own.values() for page in pages] if model is Contact else []
    return ["", "change/", "history/", "delete/", *own.get(model, missing)]


@pytest.mark.parametrize("role", ROLES)
def test_forms_for_new_records_accept_any_initial_value(visitor, role):
    client = visitor(role)
    names = {field.name for model in registered() for field in model._meta.get_fields()} | {"username", "initial"}
    values = [*NASTY, LONG, "abc", "1,2", "["]
    values = values if role in WIDEST else values[ROLES.index(role) :: 2]
    filled = [urlencode(dict.fromkeys(sorted(names), value)) for value in values]
    assert wrong(client, [f"{list_of(model)}add/?{query}" for model in registered() for query in filled]) == []


def test_a_form_shows_nothing_of_another_tenants_record_in_its_url(acme, globex):
    page = acme.client("editor").get("/admin/crm/contact/add/", {"company": globex.records[Company].pk})
    assert "Company of globex" not in page.content.decode()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["delete_selected", "revoke_chosen"])
def test_actions_accept_any_selection(visitor, role, name):
    client = visitor(role)
    forms = [{"action": name, "_selected_action": value, "index": value} for value in (*NASTY, LONG, "abc", "")]
    # An action that a model has not is the same for all of them.
    models = registered() if name == "delete_selected" else [ApiKey, Contact]
    answers = [(model, form, client.post(list_of(model), form).status_code) for model in models for form in forms]
    assert [answer for answer in answers if answer[2] not in RIGHT] == []


@pytest.mark.parametrize("role", WIDEST)
def test_other_pages_accept_any_query_string(visitor, role, acme):
    client = visitor(role)
    kinds = ContentType.objects.values_list("pk", flat=True)
    records = [
        "1",
        HUGE,
        "abc",
        str(uuid.uuid4()),
        "%00",
        str(acme.records[ImportRun].pk),
        str(acme.records[Contact].pk),
    ]
    asked = [f"/admin/r/{kind}/{record}/" for kind in [*kinds, HUGE, "0"] for record in records]
    asked += [
        f"/admin/autocomplete/?{urlencode({'app_label': 'crm', 'model_name': model, 'field_name': field, 'term': term})}"
        for model in ("deal", "contact", "membership", "nothing", "\0")
        for field in ("company", "contact", "user", "tenant", "nothing", "\0")
        for term in ("a", "\0", "(")
    ]
    asked += [
        f"/admin/{page}"
        for page in (
            "jsi18n/",
            "password_change/",
            "tenant/",
            "nothing/",
            "crm/",
            "crm/nothing/",
            "%00",
            "login/?next=%00",
        )
    ]
    asked += [f"/admin/?{urlencode({'currency': value})}" for value in NASTY]
    assert wrong(client, asked) == []


def test_the_public_url_of_a_record_reveals_nothing(visitor, acme):
    """There are no public pages of records. The URL must not reveal whether a record exists."""
    client = visitor("viewer")
    kind = ContentType.objects.get_for_model(ImportRun).pk
    statuses = {
        client.get(f"/admin/r/{kind}/{record}/").status_code for record in (acme.records[ImportRun].pk, uuid.uuid4())
    }
    assert statuses == {404}


# --- allowed parameters ---------------------------------------------------------------------------------------


def lookups_of(model):
    """Yield look-ups of all fields of a model and of its related models."""
    for field in model._meta.get_fields():
        yield from (f"{field.name}{ending}" for ending in ("", "__icontains", "__isnull"))
        if field.is_relation and field.related_model:
            yield f"{field.name}__id__exact"
            yield from (f"{field.name}__{other.name}__startswith" for other in field.related_model._meta.get_fields())


def filters_of(model_admin):
    """Return the parameters of a list's filters."""
    names = set()
    for item in model_admin.list_filter:
        if isinstance(item, type) and issubclass(item, SimpleListFilter):
            names.add(item.parameter_name)
        elif isinstance(item, tuple):
            names |= {f"{item[0]}__gte", f"{item[0]}__lt"}
        else:
            names |= {f"{item}__exact"}
    return names


#: The records that belong to another one: the pages of that lead to the list of them.
RELATIONS = {
    Contact: {"company__id__exact"},
    Deal: {"company__id__exact", "contact__id__exact"},
    Activity: {"company__id__exact", "contact__id__exact", "deal__id__exact"},
    WebhookDelivery: {"webhook__id__exact"},
}


def test_a_list_accepts_only_the_parameters_of_its_filters(visitor):
    client = visitor("superuser of acme")
    for model, model_admin in admin.site._registry.items():
        asked = sorted(set(lookups_of(model)) - filters_of(model_admin) - RELATIONS.get(model, set()))
        passed = [name for name in asked if client.get(list_of(model), {name: "1"}).status_code not in {400, 403}]
        assert passed == [], model


@pytest.mark.parametrize("role", WIDEST)
def test_autocomplete_works_only_for_fields_that_use_it(visitor, role):
    client = visitor(role)
    offered = set()
    for model in apps.get_models():
        for field in model._meta.get_fields():
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            answer = client.get("/admin/autocomplete/", query)
            assert answer.status_code in {200, 403}, query
            if answer.status_code == 200:
                offered.add(f"{model._meta.model_name}.{field.name}")
    assert offered == {
        "contact.company", "deal.contact", "deal.company", "activity.contact", "activity.company", "activity.deal"
    }  # fmt: skip


@pytest.mark.parametrize("role", WIDEST)
def test_lists_refer_to_records_only_by_id(visitor, role):
    client = visitor(role)
    for model in registered():
        names = [field.name for field in model._meta.get_fields() if not getattr(field, "primary_key", False)]
        answers = {name: client.get(list_of(model), {"_to_field": name, "_popup": "1"}).status_code for name in names}
        assert set(answers.values()) <= {400, 403}, answers


@pytest.mark.parametrize("role", WIDEST)
def test_lists_are_sorted_only_by_their_columns(visitor, role):
    client = visitor(role)
    for model in registered():
        page = client.get(list_of(model), {"o": ".".join(map(str, range(30)))})
        if page.status_code == 200:
            order = {str(part).removeprefix("-") for part in page.context["cl"].queryset.query.order_by}
            assert not order & {"password", "digest", "groups", "header", "sample", "error", "sha256", "options"}, model


def test_an_invalid_list_query_is_redirected_once_and_then_a_bad_request(visitor):
    client = visitor("viewer")
    assert client.get("/admin/crm/contact/?utm=a").url == "/admin/crm/contact/?e=1"
    assert client.get("/admin/crm/contact/?e=1").status_code == 200
    assert client.get("/admin/crm/contact/?e=1&utm=a").status_code == 400


@pytest.mark.parametrize(
    "lookup",
    ["groups__icontains", "sample__icontains", "header__icontains", "error__icontains", "rejected_rows__cells__icontains",
     "upload_name__icontains", "changes__image__icontains", "pages__ids__contains", "user__password__startswith",
     "key__digest__startswith", "parent__groups__icontains", "children__groups__icontains"],
)  # fmt: skip
def test_a_viewer_cannot_probe_rows_of_imports_they_cannot_open(visitor, lookup):
    assert visitor("viewer").get("/admin/importexport/importrun/", {lookup: "secret"}).status_code == 400


def test_the_filters_of_imports_work(visitor, acme):
    client = visitor("viewer")
    for query in (
        {"entity": "contacts"}, {"status": "done"}, {"channel": "admin"}, {"actor": "editor-acme"}, {"q": "acme"},
        {"created_at__gte": "2020-01-01 00:00:00+00:00", "created_at__lt": "2099-01-01 00:00:00+00:00"},
    ):  # fmt: skip
        response = client.get("/admin/importexport/importrun/", query)
        assert response.status_code == 200
        assert "acme.csv" in response.content.decode()
