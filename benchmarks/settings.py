"""The product's settings with an additional minimal view and no effective rate limit."""

from rally.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
RALLY_RATE_LIMIT = 10**9
