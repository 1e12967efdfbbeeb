import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The keys by tenant and id hold what the keys by id alone have held. Each is dropped by itself, in a moment."""

    atomic = False

    dependencies = [
        ('crm', '0012_keys_by_id_gone'),
        ('importexport', '0016_same_tenant'),
    ]

    operations = [
        migrations.AlterField(
            model_name='importrun',
            name='key',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='crm.apikey'),
        ),
        migrations.AlterField(
            model_name='importrun',
            name='parent',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='importexport.importrun'),
        ),
        migrations.AlterField(
            model_name='keptanswer',
            name='key',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='crm.apikey'),
        ),
        migrations.AlterField(
            model_name='keptanswer',
            name='run',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='importexport.importrun'),
        ),
        migrations.AlterField(
            model_name='uploadpart',
            name='run',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='upload', to='importexport.importrun'),
        ),
    ]
