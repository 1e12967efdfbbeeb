"""The WSGI application for gunicorn."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from rally.postgres.embedded import serve_requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
serve_requests()
application = get_wsgi_application()
# Here rather than in the first request, which would have to wait.
import_module(settings.ROOT_URLCONF)
gc.freeze()
