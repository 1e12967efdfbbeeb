"""Pipelines and their stages."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver

from crm.models.fields import Folded, Folding
from crm.models.tenancy import referable, same_tenant
from crm.models.tenant import Tenant

DEFAULT_PIPELINE = "Sales Pipeline"
#: Stage → probability in per cent.
DEFAULT_STAGES = {"Lead": 10, "Qualified": 25, "Proposal": 50, "Negotiation": 75, "Closed Won": 100, "Closed Lost": 0}


class Pipeline(Folding):
    """The sequence of stages that a deal passes through. Exactly one per tenant is the default, and keeps at least
    one stage."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="pipelines")
    name = models.CharField(max_length=100)
    name_key = Folded("name", max_length=300, db_collation="C")
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name_key"], name="pipeline_name_is_unique"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="pipeline_default_is_single"
            ),
            referable("pipeline"),
        ]

    def __str__(self) -> str:
        return self.name


class Stage(Folding):
    """A step of a pipeline, with the probability in per cent that its deals are won."""

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages", db_constraint=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    name_key = Folded("name", max_length=300, db_collation="C")
    probability = models.PositiveSmallIntegerField(default=0)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["pipeline", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "pipeline", "name_key"], name="stage_name_is_unique_in_pipeline"),
            referable("stage"),
            *same_tenant("stage", "pipeline"),
            models.CheckConstraint(condition=models.Q(probability__lte=100), name="stage_probability_is_per_cent"),
        ]

    def __str__(self) -> str:
        return self.name


def defaults_left_empty(deleted: Iterable[int], *, lock: bool = False) -> bool:
    """Whether a default pipeline would have no stage left without these stages, given by id.

    With ``lock``, which requires a transaction, none of its stages is deleted by anybody else until it ends.
    """
    ids = list(deleted)
    defaults = Pipeline.objects.filter(pk__in=Stage.objects.filter(pk__in=ids).values("pipeline"), is_default=True)
    if lock:
        defaults = defaults.select_for_update(no_key=True).order_by("pk")
    return any(not pipeline.stages.exclude(pk__in=ids).exists() for pipeline in defaults)


@receiver(post_save, sender=Tenant)
def create_default_pipeline(instance: Tenant, created: bool, raw: bool, **_: Any) -> None:
    """Create the default pipeline and its stages for a new tenant. Fixtures (``raw``) contain their own."""
    if raw or not created:
        return
    pipeline = Pipeline.objects.create(tenant=instance, name=DEFAULT_PIPELINE, is_default=True)
    Stage.objects.bulk_create(
        Stage(tenant=instance, pipeline=pipeline, name=name, probability=probability, position=position)
        for position, (name, probability) in enumerate(DEFAULT_STAGES.items())
    )
