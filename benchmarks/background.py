"""Cases with a worker: runs are started as the admin does, in a process of its own, and a worker beside a server does
them. ``python -m benchmarks.background CASE ARGUMENT…``.
"""

import json
import sys
import time
from pathlib import Path

import django

#: Seconds between two looks at a run.
PAUSE = 0.005


def new_tenants(*slugs):
    """Create tenants with the companies that the files name, and a user for each."""
    from django.contrib.auth.models import User

    from benchmarks import gen
    from benchmarks.cases import COMPANIES
    from crm.models import Company
    from crm.models.tenant import create_tenant

    for slug in slugs:
        owner = create_tenant(slug=slug, name=slug)
        Company.objects.bulk_create(Company(tenant=owner, name=gen.company_name(i)) for i in range(COMPANIES))
        User.objects.create(username=slug)


def begin(slug, entity, path):
    """Store a file and have its import planned; return the run."""
    from django.contrib.auth.models import User

    from crm.models import Tenant
    from importexport.runs import lifecycle

    tenant, user = Tenant.objects.get(slug=slug), User.objects.get(username=slug)
    with open(path, "rb") as file:
        return lifecycle.start_plan(tenant=tenant, user=user, entity=entity, file=file, file_name=Path(path).name)


def wait(runs):
    """Wait until runs are no longer at work; raise AssertionError if one has failed."""
    from importexport.models import ImportRun

    for run in runs:
        while run.is_at_work:
            time.sleep(PAUSE)
            run.status = ImportRun.objects.values_list("status", flat=True).get(pk=run.pk)
        assert run.status in ("planned", "done"), run.status


def put_in_queue(slug, times, *files):
    """Have files planned, given as entity, path, entity, path …, each a number of times. Returns at once."""
    pairs = list(zip(files[::2], files[1::2], strict=True))
    for _ in range(int(times)):
        for entity, path in pairs:
            begin(slug, entity, path)
    return {}


def plans(slug, path, times, pause):
    """Have a file of contacts planned a number of times; return the seconds of each, and how many of other tenants'
    files were being planned or waited then."""
    from importexport.models import ImportRun

    walls, others = [], []
    for _ in range(int(times)):
        others.append(ImportRun.objects.filter(status=ImportRun.Status.PLANNING).count())
        start = time.perf_counter()
        wait([begin(slug, "contacts", path)])
        walls.append(time.perf_counter() - start)
        time.sleep(float(pause))
    return {"walls": walls, "others": others}


def imports(path, *slugs):
    """Import a file for some tenants: plan all, then apply all; return the seconds until the last was done."""
    from importexport.runs import lifecycle

    start = time.perf_counter()
    runs = [begin(slug, "contacts", path) for slug in slugs]
    wait(runs)
    for run in runs:
        lifecycle.confirm(run)
    wait(runs)
    return {"wall": time.perf_counter() - start}


def until_idle():
    """Wait until no run is at work."""
    from importexport.models import ImportRun

    while ImportRun.objects.filter(status__in=ImportRun.AT_WORK).exists():
        time.sleep(0.05)
    return {}


def discard(*slugs):
    """Delete what tenants have imported."""
    from django.db import connection

    from importexport.models import ImportRun

    for run in ImportRun.objects.filter(tenant__slug__in=slugs):
        run.delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM crm_contact WHERE tenant_id IN (SELECT id FROM crm_tenant WHERE slug = ANY(%s))", [list(slugs)]
        )
        cursor.execute("VACUUM ANALYZE crm_contact")
    return {}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:]) or {}))
