"""Times as the API and the JSON of commands show them."""

import datetime as dt


def timestamp(moment: dt.datetime | None) -> str | None:
    """Return a time in ISO 8601, in UTC, to the second: 2025-06-15T14:30:00Z. None stays None."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None
