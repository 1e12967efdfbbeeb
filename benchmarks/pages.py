"""``python -m benchmarks.pages`` prints the database time of admin pages with a million contacts.

On its first run, it creates a tenant ``million`` in the configured database, which takes some minutes. It vacuums it at
once, as PostgreSQL does by itself a minute after so many rows have been added.
"""

import os
import time

import django

STATEMENTS = """
INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone, website, address,
  city, state, country, postal_code, tags, notes)
SELECT {tenant}, 'Company '||i, 'company '||i, 'c'||i||'.example', 'c'||i||'.example', 'Software', '', '+1 555', '',
  'Main Street 1', 'Berlin', 'Berlin', 'Germany', '10115', '{{}}', '' FROM generate_series(1, 100000) i;
INSERT INTO crm_contact (tenant_id, first_name, last_name, email, email_key, phone, mobile, title, department, company_id,
  address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)
SELECT {tenant}, (ARRAY['Ada','Grace','Alan','Linus','Margaret','Katherine','Dennis','Barbara'])[1+i%8],
  (ARRAY['Lovelace','Hopper','Turing','Hamilton','Johnson','Ritchie','Liskov','Nowak','Okafor','Tanaka'])[1+i/8%10]
  ||i%5000, 'contact'||i||'@example.com', 'contact'||i||'@example.com', '+1 555 '||i, '', 'Buyer', 'Sales',
  c.first+CASE WHEN i%10=0 THEN 0 ELSE i%100000 END, 'Main Street 1', 'Berlin', 'Berlin', 'Germany', '10115',
  (ARRAY['lead','qualified','opportunity','customer'])[1+i%4], 'web', '{{vip}}', 'Met at the fair'
FROM generate_series(1, 1000000) i, (SELECT min(id) AS first FROM crm_company WHERE tenant_id = {tenant}) c;
INSERT INTO crm_deal (tenant_id, name, name_key, value, currency, probability, stage_id, pipeline_id, contact_id,
  company_id, expected_close_date, notes)
SELECT {tenant}, 'Deal '||i, 'deal '||i, i, 'USD', 10, s.stages[1+i%6], s.pipeline, p.first+i, c.first+i%100000,
  current_date - i%700, ''
FROM generate_series(1, 300000) i, (SELECT min(id) AS first FROM crm_company WHERE tenant_id = {tenant}) c,
  (SELECT min(id) AS first FROM crm_contact WHERE tenant_id = {tenant}) p,
  (SELECT array_agg(id ORDER BY id) AS stages, min(pipeline_id) AS pipeline FROM crm_stage WHERE tenant_id = {tenant}) s;
INSERT INTO crm_activity (tenant_id, activity_type, subject, subject_key, body, status, priority, contact_id, company_id)
SELECT {tenant}, 'call', 'Call '||i, 'call '||i, '', 'pending', 'normal', p.first+i, c.first+i%100000
FROM generate_series(1, 500000) i, (SELECT min(id) AS first FROM crm_company WHERE tenant_id = {tenant}) c,
  (SELECT min(id) AS first FROM crm_contact WHERE tenant_id = {tenant}) p;
VACUUM ANALYZE
"""
PAGES = [
    "/admin/",
    "/admin/crm/contact/",
    "/admin/crm/contact/?p=2",
    "/admin/crm/contact/?p=1000",
    "/admin/crm/contact/?o=1",
    "/admin/crm/contact/?lifecycle_stage__exact=lead",
    "/admin/crm/contact/?lifecycle_stage__exact=evangelist",
    "/admin/crm/contact/?q=ada",
    "/admin/crm/contact/?q=contact",
    "/admin/crm/contact/?q=contact777777",
    "/admin/crm/contact/?q=nobody",
    "/admin/crm/contact/?q=ada+lovelace",
    "/admin/crm/contact/?q=ada+grace",
    "/admin/crm/contact/?q=contact777777@example.com",
    "/admin/crm/contact/?q=tact7777",
    "/admin/crm/contact/?q=555+7777",
    "/admin/crm/contact/?q=ompany+777",
    "/admin/crm/contact/?q=hopper8+company",
    "/admin/crm/contact/?q=ada+company",
    "/admin/crm/contact/?q=zzz&country=Spain",
    "/admin/crm/contact/?country=germany",
    "/admin/crm/contact/?country=Spain",
    "/admin/crm/contact/?city=Madrid&tags=vip",
    "/admin/crm/contact/?tags=nobody",
    "/admin/crm/contact/?lead_source=fair",
    "/admin/crm/contact/?company=company+777",
    "/admin/crm/contact/?added=last-month",
    "/admin/crm/contact/?company__id__exact={company}",
    "/admin/crm/contact/{contact}/change/",
    "/admin/crm/contact/{contact}/delete/",
    "/admin/crm/contact/export/",
    "/admin/crm/company/",
    "/admin/crm/company/?q=company+7",
    "/admin/crm/company/?q=zzz",
    "/admin/crm/company/?country=Spain",
    "/admin/crm/company/{company}/change/",
    "/admin/crm/company/{company}/delete/",
    "/admin/crm/deal/",
    "/admin/crm/deal/?q=deal+12",
    "/admin/crm/deal/?q=zzz",
    "/admin/crm/deal/?close=past&company=company+77",
    "/admin/crm/deal/{deal}/change/",
    "/admin/crm/activity/",
    "/admin/crm/activity/?status__exact=cancelled",
    "/admin/crm/activity/?q=zzz",
    "/admin/autocomplete/?app_label=crm&model_name=deal&field_name=contact&term=",
    "/admin/autocomplete/?app_label=crm&model_name=deal&field_name=contact&term=ada+l",
    "/admin/autocomplete/?app_label=crm&model_name=contact&field_name=company&term=company+99",
    "/admin/importexport/importrun/",
    "/admin/crm/pipeline/",
]


def million():
    """Return the tenant with a million contacts, created on the first run."""
    from django.contrib.auth.models import User
    from django.db import connection

    from crm.models import Membership, Tenant
    from crm.models.tenant import create_tenant

    tenant = Tenant.objects.filter(slug="million").first()
    if tenant is None:
        tenant = create_tenant(slug="million", name="Million")
        with connection.cursor() as cursor:
            for statement in STATEMENTS.format(tenant=tenant.pk).split(";"):
                cursor.execute(statement)
        user = User.objects.create_user("million", is_staff=True)
        Membership.objects.create(tenant=tenant, user=user, role="admin")
    return tenant


def main():
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.db.models import Min
    from django.test import Client

    from crm.models import Company, Contact, Deal

    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    tenant = million()
    ids = {
        model._meta.model_name: model.objects.filter(tenant=tenant).aggregate(first=Min("id"))["first"]
        for model in (Company, Contact, Deal)
    }
    client = Client()
    client.force_login(User.objects.get(username="million"))
    connection.force_debug_cursor = True
    print("| page | queries | database | total |\n|---|---|---|---|")
    for page in PAGES:
        best = (float("inf"), float("inf"), 0)
        for _ in range(3):
            connection.queries_log.clear()
            start = time.perf_counter()
            answer = client.get(page.format(**ids))
            taken = time.perf_counter() - start
            assert answer.status_code == 200, (page, answer.status_code)
            spent = sum(float(query["time"]) for query in connection.queries)
            best = min(best, (spent, taken, len(connection.queries)))
        print(f"| `{page}` | {best[2]} | {best[0] * 1000:.0f} ms | {best[1] * 1000:.0f} ms |")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
    django.setup()
    main()
