# Names, e-mail addresses and domains match ignoring invisible characters, addresses and domains in either form of an
# internationalised host, and domains by their host alone.

import crm.addresses
import crm.models.fields
from django.db import migrations, models

from crm.matching_keys import recompute

MODELS = ["Contact", "Company", "Deal", "Activity", "Pipeline", "Stage"]


def recompute_all(apps, schema_editor):
    for name in MODELS:
        recompute(apps.get_model("crm", name))


class Migration(migrations.Migration):

    # The keys of a million records are no single transaction. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [
        ('crm', '0003_activity_links'),
    ]

    operations = [
        migrations.AlterField(
            model_name='company',
            name='domain_key',
            field=crm.models.fields.FoldedDomain('domain', db_collation='C', max_length=765),
        ),
        migrations.AlterField(
            model_name='contact',
            name='email',
            field=models.CharField(max_length=254, validators=[crm.addresses.validate_email]),
        ),
        migrations.AlterField(
            model_name='contact',
            name='email_key',
            field=crm.models.fields.FoldedEmail('email', db_collation='C', max_length=762),
        ),
        migrations.RunPython(recompute_all, migrations.RunPython.noop, elidable=True),
    ]
