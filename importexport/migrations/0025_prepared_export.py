import crm.models.tenancy
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_keys_by_id_gone'),
        ('importexport', '0024_cancelled_by'),
    ]

    operations = [
        migrations.CreateModel(
            name='PreparedExport',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('entity', models.CharField(max_length=20)),
                ('file_format', models.CharField(max_length=4)),
                ('query', models.JSONField(default=dict)),
                ('actor', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('ready', 'Ready'), ('failed', 'Failed')], default='waiting', max_length=7)),
                ('error', models.TextField(default='')),
                ('size', models.BigIntegerField(null=True)),
                ('sha256', models.CharField(default='', max_length=64)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('key', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='crm.apikey')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='prepared_exports', to='crm.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='preparedexport_in_order'), models.Index(fields=['created_at'], name='preparedexport_by_age')],
                'constraints': [crm.models.tenancy.SameTenant(field='key', name='preparedexport_key_is_of_its_tenant')],
            },
        ),
    ]
