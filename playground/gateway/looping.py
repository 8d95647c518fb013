"""One event loop in a thread of its own, for providers called from synchronous code."""

import asyncio
import atexit
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_closings: list[Callable[[], Coroutine[Any, Any, None]]] = []
_END = object()
POLL_S = 0.1
LEAVE_S = 2.0


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the process's loop for model calls, started at the first use."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="gateway-loop", daemon=True).start()
        return _loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and wait for its result."""
    return asyncio.run_coroutine_threadsafe(work, background_loop()).result()


def close_at_exit(closing: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run this on every loop that calls models when the process ends, after calls are aborted."""
    if closing not in _closings:
        _closings.append(closing)


@atexit.register
def _leave() -> None:
    if _loop is not None:
        # An exit is not held up by an endpoint that does not hang up.
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(_abort(), _loop).result(LEAVE_S)


async def _abort() -> None:
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await close()


async def close() -> None:
    """Close what calls on the running loop have opened; a loop of others' ends with this."""
    await asyncio.gather(*(closing() for closing in _closings), return_exceptions=True)


def iterate(source: AsyncIterator[T], *, check: Callable[[], None] | None = None) -> Iterator[T]:
    """Yield from an asynchronous iterator; leaving early cancels it and waits until it has ended.

    Args:
        check: called between items and while waiting for one; what it raises ends the iteration.
    """
    items: queue.Queue[Any] = queue.Queue(maxsize=256)
    stopped, left = threading.Event(), threading.Event()

    def put(item: Any) -> bool:
        try:
            items.put_nowait(item)
        except queue.Full:
            return False
        return True

    async def pump() -> None:
        try:
            async with contextlib.aclosing(source) as opened:  # type: ignore[type-var]
                async for item in opened:
                    while not put(item):
                        if stopped.is_set():
                            return
                        await asyncio.sleep(0.005)
            end: Any = _END
        except Exception as error:
            end = error
        finally:
            left.set()
        while not put(end) and not stopped.is_set():
            await asyncio.sleep(0.005)

    task = asyncio.run_coroutine_threadsafe(pump(), background_loop())
    try:
        while True:
            if check is not None:
                check()
            try:
                item = items.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if item is _END:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stopped.set()
        # The source may have to put things in order before anybody goes on.
        task.cancel()
        left.wait(LEAVE_S)
