"""gunicorn's configuration: threads, so that slow uploads and long downloads do not block other requests."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from rally.environment import flag, number
from rally.server.companion import Companion

try:
    # Here rather than in the workers, each of which would fail with a traceback.
    import rally.settings  # noqa: F401
except ImproperlyConfigured as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)

bind = f"{os.environ.get('RALLY_BIND') or '127.0.0.1'}:{number('PORT', 8000)}"
wsgi_app = "rally.wsgi"
worker_class = "rally.server.worker.PatientWorker"
workers = number("WEB_CONCURRENCY", 2)
threads = number("RALLY_THREADS", 16)
keepalive = 15
timeout = 120
graceful_timeout = 30
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
#: Not needed: signals are sufficient.
control_socket_disable = True
accesslog = None
loglevel = "warning"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "rally.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False, "qualname": "gunicorn.error"},
        "gunicorn.access": {"handlers": [], "level": "ERROR", "propagate": False, "qualname": "gunicorn.access"},
    },
}


def when_ready(server: Any) -> None:
    """Start the worker for background runs beside the server, unless RALLY_WORKER is 0."""
    if flag("RALLY_WORKER", default=True):
        server.companion = Companion()
        server.companion.start()


def on_reload(server: Any) -> None:
    """Start the worker again, with the code of now."""
    if companion := getattr(server, "companion", None):
        companion.restart()


def on_exit(server: Any) -> None:
    """Stop the worker with the server."""
    if companion := getattr(server, "companion", None):
        companion.stop()
