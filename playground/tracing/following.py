"""Follow traces live: one Redis subscription per event loop, handed to bounded local queues."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator
from typing import Any

import orjson
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from playground.tracing.publishing import channel_of

QUEUE = 500
_RECONNECT_S = 0.5


class Follower:
    """Share one subscription among all viewers of this event loop."""

    def __init__(self, url: str) -> None:
        self._queues: dict[str, set[asyncio.Queue[dict[str, Any]]]] = {}
        self._pubsub = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=2.0, health_check_interval=15
        ).pubsub(ignore_subscribe_messages=True)
        self._listening: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def follow(self, trace_id: str) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
        """Yield a queue of what is published on the trace from now on.

        A full queue loses messages, as Redis may: whoever follows reads the store now and then.
        """
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE)
        channel = channel_of(trace_id)
        self._queues.setdefault(channel, set()).add(queue)
        try:
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.subscribe(channel)
            if self._listening is None or self._listening.done():
                self._listening = asyncio.create_task(self._listen())
            yield queue
        finally:
            self._queues[channel].discard(queue)
            if not self._queues[channel]:
                del self._queues[channel]
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(channel)

    async def _listen(self) -> None:
        while self._queues:
            while self._queues:
                try:
                    if missing := self._missing():
                        await self._pubsub.subscribe(*missing)
                    message = await self._pubsub.get_message(timeout=1.0)
                except (RedisError, OSError):
                    await asyncio.sleep(_RECONNECT_S)
                    continue
                if message is not None:
                    self._hand_out(message)
            # Somebody may come while this closes: the outer loop then subscribes anew.
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.aclose()

    def _missing(self) -> list[str]:
        known = {name.decode() for name in self._pubsub.channels}
        return [name for name in self._queues if name not in known]

    def _hand_out(self, message: dict[str, Any]) -> None:
        content = orjson.loads(message["data"])
        for queue in self._queues.get(message["channel"].decode(), ()):
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(content)


_followers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Follower]" = (
    weakref.WeakKeyDictionary()
)


def follower() -> Follower:
    """Return the follower of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _followers:
        _followers[loop] = Follower(settings.REDIS_URL)
    return _followers[loop]
