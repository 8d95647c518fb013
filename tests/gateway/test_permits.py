"""Permits of calls at once are given back, whenever a caller leaves."""

import asyncio

import pytest

from playground.gateway import permits

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.mark.parametrize("steps", range(14))
async def test_it_leaves_no_permit_when_a_caller_leaves_at_any_step(steps: int) -> None:
    async def call() -> None:
        async with permits.held("m", 1):
            await asyncio.sleep(10)

    calling = asyncio.create_task(call())
    for _ in range(steps):
        await asyncio.sleep(0)
    calling.cancel()
    await asyncio.wait((calling,))
    await permits._errands.finish()

    async with asyncio.timeout(5), permits.held("m", 1):
        pass
