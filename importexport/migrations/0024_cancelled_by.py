from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importexport', '0023_lease'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='cancelled_by',
            field=models.CharField(db_default='', default='', max_length=200),
        ),
    ]
