"""Managing pipelines and stages."""

import pytest

from crm.admin.pipelines import StageAdmin
from crm.models import Deal, Pipeline, Stage


def pipeline_form(pipeline, *, delete=(), add=(), **values):
    """Return the form data of a pipeline with its current stages, some to be deleted, and new ones."""
    stages = list(pipeline.stages.order_by("position"))
    data = {"name": pipeline.name, "is_default": "on" if pipeline.is_default else ""}
    data |= {"stages-TOTAL_FORMS": len(stages) + len(add), "stages-INITIAL_FORMS": len(stages)}
    for n, stage in enumerate(stages):
        data |= {
            f"stages-{n}-id": stage.pk, f"stages-{n}-pipeline": pipeline.pk, f"stages-{n}-name": stage.name,
            f"stages-{n}-probability": stage.probability, f"stages-{n}-position": stage.position,
        }  # fmt: skip
        if stage in delete:
            data[f"stages-{n}-DELETE"] = "on"
    for n, name in enumerate(add, len(stages)):
        data |= {f"stages-{n}-name": name, f"stages-{n}-probability": 5, f"stages-{n}-position": n}
        data |= {f"stages-{n}-id": "", f"stages-{n}-pipeline": pipeline.pk}
    return data | values


def test_new_stages_belong_to_the_pipelines_tenant(acme):
    pipeline = acme.records[Pipeline]
    data = pipeline_form(pipeline, add=["Trial"])
    assert acme.client("admin").post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data).status_code == 302
    assert Stage.objects.get(name="Trial").tenant == acme.tenant


@pytest.mark.parametrize("names", [["Trial", "trial"], ["LEAD"]])
def test_two_stages_with_the_same_name_are_a_form_error(acme, names):
    pipeline = acme.records[Pipeline]
    page = acme.client("admin").post(f"/admin/crm/pipeline/{pipeline.pk}/change/", pipeline_form(pipeline, add=names))
    assert page.status_code == 200
    assert pipeline.stages.count() == 6


def test_a_stage_in_use_cannot_be_deleted(acme):
    client, pipeline, stage = acme.client("admin"), acme.records[Pipeline], acme.records[Stage]
    data = pipeline_form(pipeline, delete=[stage])
    page = client.post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data)
    assert "“Lead” has 1 deal" in page.content.decode()
    assert client.get(f"/admin/crm/stage/{stage.pk}/delete/").status_code == 200
    for address, data in (
        (f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}),
        ("/admin/crm/stage/", {"action": "delete_selected", "_selected_action": [stage.pk], "post": "yes"}),
    ):
        page = client.post(address, data)
        assert page.status_code == 200, address
        assert "1 deal" in page.content.decode(), address
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_stage_without_deals_can_be_deleted(acme):
    client, stage = acme.client("admin"), Stage.objects.filter(tenant=acme.tenant).last()
    assert client.post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Stage.objects.filter(pk=stage.pk).exists()


NEEDS_STAGE = "The default pipeline needs at least one stage. Add another stage first."


@pytest.mark.parametrize("how", ["page", "list", "pipeline"])
def test_the_last_stage_of_the_default_pipeline_cannot_be_deleted(acme, how):
    client, pipeline = acme.client("admin"), acme.records[Pipeline]
    Deal.objects.all().delete()
    last = pipeline.stages.last()
    everything = list(pipeline.stages.all())
    pipeline.stages.exclude(pk=last.pk).delete()
    if how == "page":
        address = f"/admin/crm/stage/{last.pk}/delete/"
        for page in (client.get(address, follow=True), client.post(address, {"post": "yes"}, follow=True)):
            assert NEEDS_STAGE in page.content.decode()
    elif how == "list":
        Stage.objects.bulk_create(stage for stage in everything if stage != last)
        data = {"action": "delete_selected", "_selected_action": [stage.pk for stage in everything]}
        for given in (data, data | {"post": "yes"}):
            assert NEEDS_STAGE in client.post("/admin/crm/stage/", given, follow=True).content.decode()
    else:
        data = pipeline_form(pipeline, delete=[last])
        page = client.post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data)
        assert NEEDS_STAGE in page.content.decode()
    assert Stage.objects.filter(pk=last.pk).exists()


def test_the_last_stage_of_the_default_pipeline_can_be_replaced(acme):
    client, pipeline = acme.client("admin"), acme.records[Pipeline]
    Deal.objects.all().delete()
    data = pipeline_form(pipeline, delete=list(pipeline.stages.all()), add=["New"])
    assert client.post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data).status_code == 302
    assert [stage.name for stage in pipeline.stages.all()] == ["New"]


def test_another_pipeline_may_be_without_stages(acme):
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    stage = Stage.objects.create(tenant=acme.tenant, pipeline=other, name="S")
    assert acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not other.stages.exists()


def test_of_the_last_two_stages_only_one_is_deleted_at_the_same_moment(acme, monkeypatch):
    pipeline = acme.records[Pipeline]
    Deal.objects.all().delete()
    stage, other = pipeline.stages.all()[:2]
    pipeline.stages.exclude(pk__in=[stage.pk, other.pk]).delete()
    delete = StageAdmin.delete_model
    monkeypatch.setattr(StageAdmin, "delete_model", lambda *args: (other.delete(), delete(*args)))
    page = acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}, follow=True)
    assert NEEDS_STAGE in page.content.decode()
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_pipeline_in_use_and_the_default_cannot_be_deleted(acme):
    client, default, deal = acme.client("admin"), acme.records[Pipeline], acme.records[Deal]
    assert client.post(f"/admin/crm/pipeline/{default.pk}/delete/", {"post": "yes"}).status_code == 403
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    deal.pipeline, deal.stage = other, Stage.objects.create(tenant=acme.tenant, pipeline=other, name="S")
    deal.save()
    page = client.post(f"/admin/crm/pipeline/{other.pk}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert Pipeline.objects.filter(pk=other.pk).exists()
    deal.delete()
    assert client.post(f"/admin/crm/pipeline/{other.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Pipeline.objects.filter(pk=other.pk).exists()


def test_a_deal_added_during_the_deletion_of_its_stage_prevents_it(acme, monkeypatch):
    stage = acme.records[Stage]
    monkeypatch.setattr("crm.admin.pipelines.InUseAdmin.get_deleted_objects", lambda *args: ([], {}, set(), []))
    assert acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}).status_code == 200
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_new_default_replaces_the_previous_one(acme):
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    client = acme.client("admin")
    page = client.post(f"/admin/crm/pipeline/{other.pk}/change/", pipeline_form(other, is_default="on"))
    assert NEEDS_STAGE in page.content.decode()
    assert not Pipeline.objects.get(pk=other.pk).is_default
    Stage.objects.create(tenant=acme.tenant, pipeline=other, name="S")
    data = pipeline_form(other, is_default="on")
    assert client.post(f"/admin/crm/pipeline/{other.pk}/change/", data).status_code == 302
    assert list(Pipeline.objects.filter(tenant=acme.tenant, is_default=True)) == [other]
    other.refresh_from_db()
    page = client.post(f"/admin/crm/pipeline/{other.pk}/change/", pipeline_form(other, is_default=""))
    assert "One pipeline must be the default" in page.content.decode()


def test_a_stage_cannot_move_to_another_pipeline(acme):
    stage = acme.records[Stage]
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    data = {"pipeline": other.pk, "name": "Renamed", "probability": 10, "position": 0}
    assert acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/change/", data).status_code == 302
    stage.refresh_from_db()
    assert (stage.name, stage.pipeline) == ("Renamed", acme.records[Pipeline])


def test_a_stage_cannot_be_added_to_another_tenants_pipeline(acme, globex):
    data = {"pipeline": globex.records[Pipeline].pk, "name": "New", "probability": 10, "position": 0}
    page = acme.client("admin").post("/admin/crm/stage/add/", data)
    assert "pipeline" in page.context["adminform"].form.errors
    assert not Stage.objects.filter(name="New").exists()
