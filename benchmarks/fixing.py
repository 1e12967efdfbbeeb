"""``python -m benchmarks.fixing`` prints how long changes in a preview take, in a tenant with a million contacts.

The file has 100,000 rows, of which 5,000 are rejected. On its first run, it creates the tenant (see pages).
"""

import io
import os
import statistics
import time

import django

ROWS, EACH, TIMES = 100_000, 20, 15
HEADER = "first_name,last_name,email,company_name,lifecycle_stage,phone,notes\n"


def content():
    """Return the file: every 20th row is wrong, in one of four ways."""
    wrong = ["nobody,,lead", "n{n}@new.example,Nowhere,lead", "n{n}@new.example,,leed", "contact{n}@example.com,,lead"]
    rows = []
    for n in range(2, ROWS + 2):
        middle = wrong[n // EACH % 4] if n % EACH == 0 else "n{n}@new.example,,lead"
        rows.append(f"Ada,Lovelace,{middle.format(n=n)},+1 555 {n},Met at the fair\n")
    return (HEADER + "".join(rows)).encode()


def main():
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from benchmarks.pages import million
    from importexport.engine.options import Options
    from importexport.models import ImportRun
    from importexport.runs import lifecycle

    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    tenant = million()
    user = User.objects.get(username="million")
    run = ImportRun(tenant=tenant, entity="contacts", channel="admin", user=user, actor="million", file_name="a.csv")
    lifecycle.plan_now(run, io.BytesIO(content()), Options())
    print(f"{run.imported:,} rows are good, {run.skipped:,} rejected\n")
    client = Client()
    client.force_login(user)
    connection.force_debug_cursor = True

    def measure(name, call):
        taken, spent = [], []
        for n in range(TIMES):
            connection.queries_log.clear()
            start = time.perf_counter()
            answer = call(n)
            taken.append(time.perf_counter() - start)
            spent.append(sum(float(query["time"]) for query in connection.queries))
            assert answer.status_code in {200, 302}, answer.content
        figures = [statistics.median(spent), statistics.median(taken), max(taken)]
        print(
            f"| {name} | {len(connection.queries)} | " + " | ".join(f"{x * 1000:.0f} ms" for x in figures) + " |",
            flush=True,
        )

    def cell(number, column, text):
        fix = reverse("admin:importexport_importrun_fix", args=[run.pk])
        seen = run.fixes.filter(number=number, column=column).values_list("made_at", flat=True).first()
        asked = {
            "what": "cell",
            "number": number,
            "column": column,
            "text": text,
            "seen": seen.isoformat() if seen else "",
        }
        return client.post(fix, asked, headers={"Accept": "application/json"})

    page = reverse("admin:importexport_importrun_change", args=[run.pk])
    last = 99_040
    print("| what | queries | database (median) | in all (median) | in all (longest) |\n|---|---|---|---|---|")
    measure("a cell of row 160", lambda n: cell(160, "email", f"fixed{n}@new.example"))
    measure(f"a cell of row {last:,}", lambda n: cell(last, "email", f"fixed{n}@new.example"))
    measure("a wrong cell", lambda n: cell(last, "email", f"fixed{n}"))
    measure("a duplicate of one of a million", lambda n: cell(last, "email", f"contact{500_000 + n}@example.com"))
    measure("the preview", lambda n: client.get(page))
    measure("its last page", lambda n: client.get(page, {"page": 100}))
    measure("the page of a row", lambda n: client.get(reverse("admin:importexport_importrun_row", args=[run.pk, last])))
    group = {"what": "value", "code": "choice", "column": "lifecycle_stage", "text": "lead"}
    group["sentence"] = "Invalid lifecycle_stage value 'leed'"
    measure(
        "a value in all rows", lambda n: client.post(reverse("admin:importexport_importrun_fix", args=[run.pk]), group)
    )
    run.delete()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
    django.setup()
    main()
