"""Jobs of procrastinate, stored in Django's transaction."""

from typing import Any

from django.db import OperationalError
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException


def store_job(task: str, arguments: dict[str, Any], **how: Any) -> None:
    """Store a job; ``how`` has what procrastinate's ``configure_task`` takes: queue, lock, priority, schedule_at.

    Raises OperationalError if the database is unavailable, instead of an error of procrastinate's own.
    """
    try:
        app.configure_task(task, **how).defer(**arguments)
    except ConnectorException as error:
        raise OperationalError(str(error.__cause__ or error)) from error
