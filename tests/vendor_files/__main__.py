"""``make fixtures``: prints how many records of each file of another program are stored exactly, and in all."""

import logging
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")


def main() -> int:
    """Print the table; return the exit status: 1 if a record is not exact and no reason is given."""
    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from crm.models import Tenant
    from tests.support.api import Api
    from tests.vendor_files.comparing import OTHERWISE, compare, vendor_files

    logging.disable()
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    total = exact = unexplained = 0
    try:
        print(f"| {'file':<30} | exact | records |\n|{'-' * 32}|------:|--------:|")
        for file in vendor_files():
            tenant = Tenant.objects.create(slug=file.name.replace("_", "-"), name=file.name)
            comparison = compare(file, Api(tenant))
            total, exact = total + comparison.total, exact + comparison.exact
            print(f"| {file.name:<30} | {comparison.exact:>5} | {comparison.total:>7} |")
            for n, difference in comparison.differences:
                reason = OTHERWISE.get((file.name, n))
                unexplained += reason is None
                print(f"    record {n + 1}: {difference}{f' ({reason})' if reason else ''}")
            for problem in comparison.problems:
                unexplained += 1
                print(f"    {problem}")
        print(f"| {'all':<30} | {exact:>5} | {total:>7} |")
    finally:
        connection.close()
        teardown_databases(databases, verbosity=0)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
