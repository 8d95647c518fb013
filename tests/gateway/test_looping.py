"""Asynchronous providers called from synchronous code: left early, they stop."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from playground.gateway import looping


class Stopped(Exception):
    pass


class Source:
    """Count upwards; ``silent`` sends nothing."""

    def __init__(
        self, *, silent: bool = False, fail_at: int | None = None, end: int = 10**9
    ) -> None:
        self.silent, self.fail_at, self.end = silent, fail_at, end
        self.started, self.closed = threading.Event(), threading.Event()

    async def __call__(self) -> AsyncIterator[int]:
        self.started.set()
        try:
            if self.silent:
                await asyncio.Event().wait()
            for number in range(self.end):
                if number == self.fail_at:
                    raise Stopped
                yield number
                await asyncio.sleep(0)
        finally:
            self.closed.set()


async def pumps() -> int:
    return sum("iterate.<locals>.pump" in repr(task.get_coro()) for task in asyncio.all_tasks())


def test_it_yields_all_in_order_when_the_reader_is_slower_than_the_queue() -> None:
    source = Source(end=1_000)

    assert list(looping.iterate(source())) == list(range(1_000))


def test_it_aborts_upstream_when_closed_early() -> None:
    source = Source()
    items = looping.iterate(source())
    assert next(items) == 0

    items.close()  # type: ignore[attr-defined]

    assert source.closed.wait(2)
    assert looping.run(pumps()) == 0


def test_it_aborts_upstream_when_check_raises_before_the_first_item() -> None:
    source = Source(silent=True)

    def check() -> None:
        if source.started.is_set():
            raise Stopped

    with pytest.raises(Stopped):
        next(looping.iterate(source(), check=check))

    assert source.closed.wait(2)
    assert looping.run(pumps()) == 0


def test_it_raises_what_the_source_raised_when_it_fails_midway() -> None:
    source = Source(fail_at=3)
    items = looping.iterate(source())

    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Stopped):
        next(items)
    assert source.closed.is_set()
