"""A stock Django project on django-import-export, over the benchmark's database."""

import os
from pathlib import Path

from rally.database import from_environment

SECRET_KEY = "bench"
INSTALLED_APPS = ["django.contrib.contenttypes", "import_export", "benchmarks.peer"]
DATABASES = {"default": from_environment(url=os.environ["DATABASE_URL"], home=Path())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
