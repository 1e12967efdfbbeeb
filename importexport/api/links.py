"""Paths of the API in its responses, and the headers that lead from an import's result to its run."""

from importexport.http import paths
from importexport.models import ImportRun

BASE = paths.BASE


def path_of(run: ImportRun) -> str:
    """Return the path of a run."""
    return f"{BASE}/imports/{run.pk}"


def links_of(run: ImportRun, *, has_rejected: bool) -> dict[str, str]:
    """Return the headers of a result: the run's ``Location`` and, if rows were rejected, a ``Link`` (RFC 8288)."""
    location = path_of(run)
    links = {"Location": location}
    if has_rejected:
        links["Link"] = f'<{location}/rejected>; rel="rejected"'
    return links
