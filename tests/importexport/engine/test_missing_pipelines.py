"""Pipelines and stages that an import creates because its rows name them."""

import json

import psycopg
import pytest

from crm.models import Company, Deal, Pipeline, Stage
from importexport.models import ImportRun
from tests.support.real import wait_until_blocked
from tests.support.waiting import Background, at_once

NEW = "missing=create"
HEAD = "name,stage_name,pipeline_name\n"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


def stages(pipeline):
    return list(Stage.objects.filter(pipeline__name=pipeline).values_list("name", "probability", "position"))


def deals():
    found = Deal.objects.order_by("name").values_list("name", "pipeline__name", "stage__name", "probability")
    return list(found)


def test_a_pipeline_is_created_with_the_stages_that_rows_name(api):
    content = HEAD + "A,Talks,Renewals\nB,Signed,renewals\nC,TALKS,Renewals\nD,Talks,Partners\n"
    assert api.import_csv("deals", content, NEW) == result(4)
    assert list(Pipeline.objects.order_by("id").values_list("name", "is_default")) == [
        ("Sales Pipeline", True), ("Renewals", False), ("Partners", False),
    ]  # fmt: skip
    assert stages("Renewals") == [("Talks", 10, 0), ("Signed", 10, 1)]
    assert stages("Partners") == [("Talks", 10, 0)]
    assert deals() == [
        ("A", "Renewals", "Talks", 10), ("B", "Renewals", "Signed", 10), ("C", "Renewals", "Talks", 10),
        ("D", "Partners", "Talks", 10),
    ]  # fmt: skip
    assert ImportRun.objects.get().references == {"pipelines": 2, "stages": 3}


@pytest.mark.parametrize("between", [0, 3500])
def test_a_row_without_a_stage_is_in_the_first_of_a_new_pipeline(api, between):
    filler = "".join(f"F{n},,\n" for n in range(between))
    content = HEAD + f"A,,Renewals\nB,Talks,Renewals\n{filler}C,,Renewals\nD,Signed,Partners\nE,,Partners\n"
    assert api.import_csv("deals", content, NEW) == result(5 + between)
    assert [deal[:3] for deal in deals() if not deal[0].startswith("F")] == [
        ("A", "Renewals", "Lead"), ("B", "Renewals", "Talks"), ("C", "Renewals", "Lead"), ("D", "Partners", "Signed"),
        ("E", "Partners", "Signed"),
    ]  # fmt: skip


def test_a_stage_without_a_pipeline_is_created_in_the_default_one(api):
    assert api.import_csv("deals", "name,stage_name\nA,Legal\n", NEW) == result(1)
    assert deals() == [("A", "Sales Pipeline", "Legal", 10)]


def test_a_stage_that_another_pipeline_has_is_not_created(api, tenant):
    partners = Pipeline.objects.create(tenant=tenant, name="Partners")
    Stage.objects.create(tenant=tenant, pipeline=partners, name="Legal", probability=70)
    assert api.import_csv("deals", "name,stage_name\nA,Legal\n", NEW) == result(1)
    assert deals() == [("A", "Partners", "Legal", 70)]


def test_a_stage_that_several_pipelines_have_is_ambiguous(api, tenant):
    for name in ("Partners", "Renewals"):
        pipeline = Pipeline.objects.create(tenant=tenant, name=name)
        Stage.objects.create(tenant=tenant, pipeline=pipeline, name="Legal")
    assert api.import_csv("deals", "name,stage_name\nA,Legal\n", NEW) == result(
        0, "Row 2: Stage 'Legal' matches more than one record"
    )


@pytest.mark.parametrize(
    ("name", "probability"),
    [("Closed Won", 100), ("closed  LOST", 0), ("Won", 100), ("Lost", 0), ("Closed Lost to Competition", 60)],
)
def test_a_new_stage_in_which_deals_are_won_or_lost_has_their_probability(api, name, probability):
    content = f"name,stage_name,pipeline_name,probability\nA,{name},Renewals,60\nB,{name},Renewals,\n"
    assert api.import_csv("deals", content, NEW) == result(2)
    assert Stage.objects.get(pipeline__name="Renewals").probability == probability
    assert [deal[3] for deal in deals()] == [60, probability]


def test_a_rejected_row_creates_no_pipeline(api):
    content = "name,value,stage_name,pipeline_name\nA,x,Talks,Renewals\nB,1,Talks,Partners\nB,2,Other,Partners\nC,1,,Lost\nC,2,,Lost\n"
    api.import_csv("deals", content, NEW)
    assert list(Pipeline.objects.order_by("id").values_list("name", flat=True)) == [
        "Sales Pipeline",
        "Partners",
        "Lost",
    ]
    assert stages("Partners") == [("Talks", 10, 0)]


def test_a_pipeline_of_duplicates_alone_is_deleted_again(api):
    assert api.import_csv("deals", "name,external_id\nA,1\n") == result(1)
    content = "name,external_id,stage_name,pipeline_name\nB,1,Talks,Renewals\nC,2,Talks,Renewals Two\n"
    assert api.import_csv("deals", content, NEW) == result(1, "Row 2: Duplicate deal with external_id '1'")
    assert not Pipeline.objects.filter(name="Renewals").exists()
    assert ImportRun.objects.order_by("created_at").last().references == {"pipelines": 1, "stages": 1}
    assert api.import_csv("deals", HEAD + "D,Talks,Renewals\n", NEW) == result(1)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"A,Talks,{'x' * 101}", "Value too long in 'pipeline_name' (maximum 100 characters)"),
        (f"A,{'x' * 101},Renewals", "Value too long in 'stage_name' (maximum 100 characters)"),
        ("A,Talks,Re\x01newals", "Invalid character in 'pipeline_name'"),
    ],
)
def test_a_name_that_no_pipeline_or_stage_can_have_is_an_error(api, row, sentence):
    assert api.import_csv("deals", HEAD + row + "\n", NEW) == result(0, f"Row 2: {sentence}")
    assert Pipeline.objects.count() == 1


def test_without_the_option_nothing_is_created(api):
    assert api.import_csv("deals", HEAD + "A,Talks,Renewals\nB,Talks,\n") == result(
        0, "Row 2: Pipeline 'Renewals' not found", "Row 3: Stage 'Talks' not found in pipeline 'Sales Pipeline'"
    )


def test_an_update_moves_no_deal_but_creates_a_stage(api):
    api.import_csv("deals", "name\nA\n")
    assert api.import_csv("deals", "name,stage_name\nA,Legal\n", f"mode=update&{NEW}") == result(1)
    assert deals() == [("A", "Sales Pipeline", "Legal", 10)]


@pytest.mark.parametrize("entity", ["companies", "activities"])
def test_the_option_is_accepted_where_it_has_nothing_to_do(api, entity):
    contents = {"companies": "name\nAcme\n", "activities": "activity_type,subject\ncall,Hi\n"}
    assert api.import_csv(entity, contents[entity], NEW) == result(1)


# --- plans and undos ---------------------------------------------------------------------------------------------


def test_what_was_created_is_undone_and_brought_back(transactional_db, api):
    run = api.plan("deals", HEAD + "A,Talks,Renewals\nB,,Partners\n", NEW)
    assert run["references"] == {"pipelines": 2, "stages": 2}
    assert Pipeline.objects.count() == 1
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    before = deals()
    undo = api.undo(run["id"])
    assert (Deal.objects.count(), Pipeline.objects.count(), Stage.objects.count()) == (0, 1, 6)
    api.undo(undo["id"])
    assert deals() == before
    assert stages("Renewals") == [("Talks", 10, 0)]


def test_a_pipeline_that_became_the_default_or_is_used_stays(transactional_db, api):
    api.import_csv("deals", HEAD + "A,Talks,Renewals\nB,Talks,Partners\n", NEW)
    run = ImportRun.objects.get()
    Pipeline.objects.filter(is_default=True).update(is_default=False)
    Pipeline.objects.filter(name="Renewals").update(is_default=True)
    api.import_csv("deals", HEAD + "C,Talks,Partners\n")
    api.undo(run.pk)
    assert set(Pipeline.objects.values_list("name", flat=True)) == {"Sales Pipeline", "Renewals", "Partners"}
    assert Deal.objects.get().name == "C"


# --- at the same time --------------------------------------------------------------------------------------------


def test_two_imports_at_once_create_a_pipeline_once(real_tenant):
    files = [HEAD + "".join(f"{who}{n},Talks,Renewals\n" for n in range(3000)) for who in "ab"]
    answers = at_once(*((post_new, real_tenant, content) for content in files))
    assert [result["imported"] for _, result in answers] == [3000, 3000]
    assert real_tenant.sql("SELECT count(*) FROM crm_pipeline WHERE tenant_id = %s", real_tenant.pk) == (2,)


@pytest.mark.parametrize(("ending", "made"), [("commit", {"stages": 1}), ("rollback", {"pipelines": 1, "stages": 1})])
def test_a_pipeline_added_manually_while_an_import_creates_it_exists_once(real_tenant, ending, made):
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        by_hand.execute(
            "INSERT INTO crm_pipeline (tenant_id, name, name_key, is_default) VALUES (%s, 'RENEWALS', 'renewals', false)",
            [real_tenant.pk],
        )
        importing = Background(post_new, real_tenant, HEAD + "A,Talks,Renewals\nB,,Renewals\n")
        wait_until_blocked(real_tenant, by_hand)
        getattr(by_hand, ending)()
        status, result = importing.outcome()
    assert (status, result["imported"], result["errors"]) == (200, 2, [])
    names = real_tenant.sql(
        "SELECT name FROM crm_pipeline WHERE tenant_id = %s AND name_key = 'renewals'", real_tenant.pk
    )
    assert names == ("RENEWALS" if ending == "commit" else "Renewals",)
    (references,) = real_tenant.sql(
        'SELECT "references" FROM importexport_importrun WHERE tenant_id = %s ORDER BY created_at DESC LIMIT 1',
        real_tenant.pk,
    )
    assert json.loads(references) == made


def post_new(tenant, content):
    return tenant.post("deals", content.encode(), query=NEW)


def test_companies_and_stages_with_the_same_id_are_told_apart(api, tenant):
    assert Company.objects.count() == 0
    content = "name,stage_name,pipeline_name,company_name\nA,Talks,Sales Pipeline,New\nA,Talks,Sales Pipeline,Newer\n"
    assert api.import_csv("deals", content, NEW) == result(1, "Row 3: Duplicate deal with name 'A'")
    assert [company.name for company in Company.objects.all()] == ["New"]
