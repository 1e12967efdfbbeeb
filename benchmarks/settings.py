"""The product's settings, with a bare view beside the real ones and a rate limit that no benchmark meets."""

from rally.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
RALLY_RATE_LIMIT = 10**9
