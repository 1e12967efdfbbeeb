"""The lanes of a worker end together, whenever they are asked to."""

import asyncio

import pytest

from importexport.runs.lanes import run_lanes
from importexport.runs.worker import blueprint

pytestmark = pytest.mark.django_db(transaction=True)


async def work_for(seconds):
    asked = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, asked.set)
    await asyncio.wait_for(run_lanes(blueprint, asked, listens=True), 30)


@pytest.mark.parametrize("seconds", [0, 0.01, 0.02, 0.03, 0.05, 0.1])
def test_lanes_that_are_asked_while_they_begin_end(seconds):
    asyncio.run(work_for(seconds))
