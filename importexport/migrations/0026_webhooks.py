import crm.models.tenancy
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_keys_by_id_gone'),
        ('importexport', '0025_prepared_export'),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(max_length=500, verbose_name='URL')),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), size=None)),
                ('seed', models.CharField(editable=False, max_length=64)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('note', models.TextField(db_default='', default='', editable=False)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='crm.tenant')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(max_length=30)),
                ('body', models.TextField()),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], db_default='waiting', default='waiting', max_length=9)),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('response_status', models.IntegerField(null=True)),
                ('response_body', models.TextField(db_default='', default='')),
                ('error', models.TextField(db_default='', default='')),
                ('attempted_at', models.DateTimeField(null=True)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('run', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deliveries', to='importexport.importrun')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='crm.tenant')),
                ('webhook', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='importexport.webhook')),
            ],
            options={
                'verbose_name': 'message',
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.UniqueConstraint(fields=('tenant', 'url'), name='webhook_is_unique_in_tenant'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=crm.models.tenancy.Referable(name='webhook_is_of_its_tenant'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['tenant', 'webhook', '-created_at'], name='webhookdelivery_in_order'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['created_at'], name='webhookdelivery_by_age'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('run', None), _negated=True), fields=['run'], name='webhookdelivery_by_run'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=crm.models.tenancy.SameTenant(field='webhook', name='webhookdelivery_webhook_is_of_its_tenant'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=crm.models.tenancy.SameTenant(field='run', name='webhookdelivery_run_is_of_its_tenant'),
        ),
    ]
