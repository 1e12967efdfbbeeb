import crm.models.slots
from django.db import migrations, models

from crm.concurrently import AddIndexAnew, AddUniqueConcurrently


class Migration(migrations.Migration):
    """External ids are unique, and so are names and domains, save those that an import keeps side by side."""

    # The indexes are built while records are read and written. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [
        ('crm', '0006_external_ids'),
    ]

    operations = [
        AddIndexAnew(
            model_name='company',
            index=models.Index(condition=models.Q(('name_slot', ''), _negated=True), fields=['tenant'], name='company_kept'),
        ),
        AddIndexAnew(
            model_name='deal',
            index=models.Index(condition=models.Q(('name_slot', ''), _negated=True), fields=['tenant'], name='deal_kept'),
        ),
        AddUniqueConcurrently(
            model_name='activity',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('tenant', 'external_id', 'external_source'), name='activity_external_id_is_unique', violation_error_message='Another record has the same external source and ID.'),
        ),
        AddUniqueConcurrently(
            model_name='company',
            constraint=crm.models.slots.UniqueUnlessKept(fields=('tenant', 'name_key', 'name_slot'), name='company_name_is_unique_in_slot'),
        ),
        AddUniqueConcurrently(
            model_name='company',
            constraint=crm.models.slots.UniqueUnlessKept(condition=models.Q(('domain_key', ''), _negated=True), fields=('tenant', 'domain_key', 'name_slot'), name='company_domain_is_unique_in_slot', violation_error_message='Another company has the same domain.'),
        ),
        AddUniqueConcurrently(
            model_name='company',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('tenant', 'external_id', 'external_source'), name='company_external_id_is_unique', violation_error_message='Another record has the same external source and ID.'),
        ),
        AddUniqueConcurrently(
            model_name='contact',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('tenant', 'external_id', 'external_source'), name='contact_external_id_is_unique', violation_error_message='Another record has the same external source and ID.'),
        ),
        AddUniqueConcurrently(
            model_name='deal',
            constraint=crm.models.slots.UniqueUnlessKept(fields=('tenant', 'name_key', 'pipeline', 'name_slot'), name='deal_name_is_unique_in_pipeline_and_slot'),
        ),
        AddUniqueConcurrently(
            model_name='deal',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('tenant', 'external_id', 'external_source'), name='deal_external_id_is_unique', violation_error_message='Another record has the same external source and ID.'),
        ),
        # What these guarded, the new constraints guard by now.
        migrations.RemoveConstraint(
            model_name='company',
            name='company_name_is_unique',
        ),
        migrations.RemoveConstraint(
            model_name='company',
            name='company_domain_is_unique',
        ),
        migrations.RemoveConstraint(
            model_name='deal',
            name='deal_name_is_unique_in_pipeline',
        ),
    ]
