"""``python -m tests.faults.clerk`` starts runs as the admin does, in a process of its own.

It reads orders from standard input, a JSON object on each line with the name of a function below as ``do`` and its
arguments, and answers with the id of the run or the export.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
MISSING = "create"


def plan(*, tenant: int, user: int, path: str) -> str:
    """Have the import of a file of contacts planned by a worker."""
    from importexport.engine.options import Options
    from importexport.runs import lifecycle

    with Path(path).open("rb") as file:
        fields = {"tenant": the_tenant(tenant), "user": the_user(user), "options": Options(missing=MISSING)}
        return str(lifecycle.start_plan(**fields, entity="contacts", file=file, file_name="people.csv").pk)


def undo(*, run: str, user: int) -> str:
    """Have the undo of an import planned by a worker."""
    from importexport.models import ImportRun
    from importexport.runs import lifecycle

    actor = the_user(user)
    by = {"user": actor, "actor": actor.get_username(), "channel": ImportRun.Channel.ADMIN}
    return str(lifecycle.start_undo(the_run(run), **by).pk)


def confirm(*, run: str) -> str:
    """Have a plan applied by a worker."""
    from importexport.runs import lifecycle

    lifecycle.confirm(the_run(run))
    return run


def export(*, tenant: int) -> str:
    """Have the contacts exported by a worker."""
    from importexport.models import PreparedExport
    from importexport.runs import exports

    wanted = PreparedExport(tenant_id=tenant, entity="contacts", file_format="csv", actor="clerk")
    exports.prepare(wanted)
    return str(wanted.pk)


def the_tenant(pk: int) -> Any:
    from crm.models import Tenant

    return Tenant.objects.get(pk=pk)


def the_user(pk: int) -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(pk=pk)


def the_run(pk: str) -> Any:
    from importexport.models import ImportRun

    return ImportRun.objects.select_related("tenant").get(pk=pk)


DEEDS = {"plan": plan, "undo": undo, "confirm": confirm, "export": export}


def main() -> None:
    django.setup()
    from django.db import connections

    for line in sys.stdin:
        order = json.loads(line)
        # The database may have been away since the order before.
        connections["default"].close_if_unusable_or_obsolete()
        sys.stdout.write(json.dumps(DEEDS[order.pop("do")](**order)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
