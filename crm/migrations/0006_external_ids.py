"""Records have the id of another program, and contacts may be without names or an e-mail address.

Every step changes the catalogue alone, however many records there are; the next migration builds the indexes.
"""

import crm.addresses
import crm.models.fields
import crm.models.slots
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0005_activity_identity'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='contact',
            name='contact_name_and_email_are_given',
        ),
        migrations.AddField(
            model_name='activity',
            name='external_id',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=255, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='activity',
            name='external_source',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=50),
        ),
        migrations.AddField(
            model_name='company',
            name='external_id',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=255, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='company',
            name='external_source',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=50),
        ),
        migrations.AddField(
            model_name='company',
            name='name_slot',
            field=crm.models.slots.NameSlot(blank=True, db_collation='C', db_default='', default='', editable=False, max_length=306),
        ),
        migrations.AddField(
            model_name='contact',
            name='external_id',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=255, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='contact',
            name='external_source',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=50),
        ),
        migrations.AddField(
            model_name='deal',
            name='external_id',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=255, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='deal',
            name='external_source',
            field=crm.models.fields.Text(blank=True, db_collation='C', db_default='', default='', max_length=50),
        ),
        migrations.AddField(
            model_name='deal',
            name='name_slot',
            field=crm.models.slots.NameSlot(blank=True, db_collation='C', db_default='', default='', editable=False, max_length=306),
        ),
        migrations.AlterField(
            model_name='contact',
            name='email',
            field=crm.models.fields.Text(blank=True, default='', max_length=254, validators=[crm.addresses.validate_email]),
        ),
        migrations.AlterField(
            model_name='contact',
            name='email_key',
            field=crm.models.fields.FoldedEmail('email', db_collation='C', max_length=762, null=True),
        ),
        migrations.AlterField(
            model_name='contact',
            name='first_name',
            field=crm.models.fields.Text(blank=True, default='', max_length=100),
        ),
        migrations.AlterField(
            model_name='contact',
            name='last_name',
            field=crm.models.fields.Text(blank=True, default='', max_length=100),
        ),
    ]
