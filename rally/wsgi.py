"""The WSGI application for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from rally.postgres.embedded import serve_requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
serve_requests()
application = get_wsgi_application()
