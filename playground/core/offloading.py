"""Keep an event loop free: long work goes to a thread, what must be done goes on by itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def aside(is_long: bool, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work, in a thread where it is long."""
    if is_long:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


class Errands:
    """Tasks that go on when whoever began them is cancelled; a loop itself does not keep them."""

    def __init__(self) -> None:
        self._going: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin one on the running loop."""
        task = asyncio.create_task(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return task

    async def finish(self) -> None:
        """Wait until none is left; call it before their loop ends."""
        while self._going:
            await asyncio.wait(self._going)
