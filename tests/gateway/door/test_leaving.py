"""Callers who leave, and servers that stop a call, in whichever tick of the loop they do."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from playground.gateway.door.asking import Gone
from playground.gateway.door.serving import _unless_gone

Leave = Callable[[], None]


def caller() -> tuple[Callable[[], Any], Leave]:
    """Return what the server receives of a caller, and what makes them leave."""
    left = asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, Any]:
        await left
        return {"type": "http.disconnect"}

    return receive, lambda: left.set_result(None)


def after(ticks: int, do: Callable[[], Any]) -> None:
    """Do something so many ticks of the loop from now."""
    loop = asyncio.get_running_loop()
    loop.call_soon(do) if ticks == 0 else loop.call_soon(after, ticks - 1, do)


@pytest.mark.parametrize("ticks", range(5))
async def test_it_is_cancelled_when_the_server_stops_it_while_its_caller_leaves(ticks: int) -> None:
    receive, leave = caller()
    told: list[bool] = []

    call = asyncio.create_task(_unless_gone(asyncio.Event().wait(), receive))
    await asyncio.sleep(0)
    after(0, leave)
    after(ticks, lambda: told.append(call.cancel()))
    await asyncio.wait((call,))

    # Where it had not ended before.
    assert call.cancelled() if told == [True] else isinstance(call.exception(), Gone)


@pytest.mark.parametrize("ticks", range(6))
async def test_it_goes_on_undisturbed_when_its_caller_leaves_as_the_work_ends(ticks: int) -> None:
    receive, leave = caller()
    ended = asyncio.Event()

    async def call() -> int:
        with contextlib.suppress(Gone):
            await _unless_gone(ended.wait(), receive)
        for _ in range(5):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    after(2, ended.set)
    after(ticks, leave)

    assert await calling == 0


async def test_it_answers_nobody_when_its_caller_has_left() -> None:
    receive, leave = caller()
    call = asyncio.create_task(_unless_gone(asyncio.Event().wait(), receive))
    after(1, leave)

    with pytest.raises(Gone):
        await call
