"""Data directories: new ones, and copies of one that has been used."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rally.postgres.cluster import Cluster, copy, leave


@pytest.fixture(scope="module")
def places() -> Iterator[Callable[[], Path]]:
    """Create directories outside those of pytest, which a later pytest would make inaccessible to the server."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="rally-test-")))
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path)


@pytest.fixture
def place(places: Callable[[], Path]) -> Path:
    """A directory for the test."""
    return places()


@pytest.fixture
def empty(place: Path) -> Iterator[Cluster]:
    """A data directory that does not exist yet, in a path with a space."""
    cluster = Cluster(place / "a home")
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def resting(places: Callable[[], Path]) -> Path:
    """A data directory that has been used, to be copied."""
    cluster = Cluster(places() / "home")
    leave(cluster.use("create"))
    assert cluster.is_at_rest()
    return cluster.home


@pytest.fixture
def cluster(resting: Path, place: Path) -> Iterator[Cluster]:
    """A data directory that has been used, without users."""
    copy(resting, place / "home")
    cluster = Cluster(place / "home")
    yield cluster
    cluster.end()
