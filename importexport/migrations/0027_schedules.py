import crm.models.tenancy
import django.db.models.deletion
import django.db.models.functions.datetime
import importexport.models.fields
from django.conf import settings
from django.db import migrations, models

from crm.concurrently import AddUnchecked


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_keys_by_id_gone'),
        ('importexport', '0026_webhooks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='preparedexport',
            name='destination',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='preparedexport',
            name='due_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='preparedexport',
            name='sent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('import', 'Import'), ('export', 'Export')], max_length=6)),
                ('entity', models.CharField(max_length=20)),
                ('address', models.TextField()),
                ('cron', models.CharField(max_length=100)),
                ('time_zone', models.CharField(db_default='UTC', default='UTC', max_length=64)),
                ('options', importexport.models.fields.JsonText(db_default=models.Value('{}', output_field=models.TextField()), default=dict)),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('actor', models.CharField(editable=False, max_length=200)),
                ('next_at', models.DateTimeField(editable=False, null=True)),
                ('attempt', models.UUIDField(editable=False, null=True)),
                ('attempts', models.IntegerField(db_default=0, default=0, editable=False)),
                ('due_at', models.DateTimeField(editable=False, null=True)),
                ('again_at', models.DateTimeField(editable=False, null=True)),
                ('last_at', models.DateTimeField(editable=False, null=True)),
                ('note', models.TextField(db_default='', default='', editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('key', models.ForeignKey(db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='crm.apikey')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to='crm.tenant')),
                ('user', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='preparedexport',
            name='schedule',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='exports', to='importexport.schedule'),
        ),
        migrations.AddIndex(
            model_name='schedule',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['next_at'], name='schedule_due'),
        ),
        migrations.AddIndex(
            model_name='schedule',
            index=models.Index(condition=models.Q(('again_at', None), _negated=True), fields=['again_at'], name='schedule_again'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='schedule_is_unique_in_tenant'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=crm.models.tenancy.Referable(name='schedule_is_of_its_tenant'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=crm.models.tenancy.SameTenant(field='key', name='schedule_key_is_of_its_tenant'),
        ),
        migrations.AddConstraint(
            model_name='preparedexport',
            constraint=crm.models.tenancy.SameTenant(field='schedule', name='preparedexport_schedule_is_of_its_tenant'),
        ),
        # The table that everybody needs comes last: it is locked until the end. Nothing in it is read or rewritten.
        migrations.AlterField(
            model_name='importrun',
            name='channel',
            field=models.CharField(choices=[('api', 'API'), ('admin', 'Admin'), ('shell', 'Shell'), ('schedule', 'Schedule')], db_column='door', max_length=8),
        ),
        migrations.AddField(
            model_name='importrun',
            name='schedule',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='importexport.schedule'),
        ),
        AddUnchecked(
            model_name='importrun',
            constraint=crm.models.tenancy.SameTenant(field='schedule', name='importrun_schedule_is_of_its_tenant'),
        ),
    ]
