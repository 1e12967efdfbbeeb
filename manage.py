#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that makes no sense, or no database: the sentence says it all.
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"The database cannot be reached: {' '.join(str(error).split())}\n")
        sys.exit(2)
    except ProgrammingError as error:
        from crm.management.base import UNMIGRATED, is_unmigrated

        if "--traceback" in sys.argv or not is_unmigrated(error):
            raise
        sys.stderr.write(f"{UNMIGRATED}\n")
        sys.exit(2)
