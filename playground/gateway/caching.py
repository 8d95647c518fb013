"""Answer equal requests from an earlier answer, for teams that want it.

Equal is what would be sent, byte for byte but for the order of its members, under one version of
the configuration. Answers lie in Redis, for each team apart, as long as its rule says.
"""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import redis

from playground.gateway.configuration import Configuration
from playground.gateway.connecting import client
from playground.gateway.events import Event

log = logging.getLogger(__name__)

PREFIX = "playground:answers:"
MAX_BYTES = 2**20
# Says how the answer is sent or for whom it is, not what it is.
_IRRELEVANT = frozenset(("stream", "stream_options", "user", "metadata", "store"))


def name_of(
    configuration: Configuration, *, team: str, model: str, streamed: bool, body: dict[str, Any]
) -> str:
    """Return the name under which the answer to a request is kept.

    Streamed and whole answers are kept apart: each is played back as it came.
    """
    asked = {name: value for name, value in body.items() if name not in _IRRELEVANT}
    told = [str(configuration.version), model, streamed, asked]
    digest = hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{PREFIX}{team}:{digest}"


async def kept(name: str) -> list[Event] | None:
    """Return the events of the answer that is kept under the name."""
    try:
        raw = await client().get(name)
    except (redis.RedisError, OSError) as error:
        log.warning("kept answers are not used: %s", type(error).__name__)
        return None
    return None if raw is None else [Event(body) for body in orjson.loads(raw)]


class Recording:
    """Keep an answer that came to its end."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def take(self, event: Event) -> None:
        """Take in an event as the caller gets it."""
        self._events.append(event.body)

    async def keep(self, name: str, *, ttl_s: int) -> None:
        """Keep the answer for so many seconds, unless it was cut off or is very long."""
        raw = orjson.dumps(self._events)
        if len(raw) > MAX_BYTES or not all(map(_is_whole, self._finishes())):
            return
        with contextlib.suppress(redis.RedisError, OSError):
            await client().set(name, raw, ex=ttl_s)

    def _finishes(self) -> Iterator[str]:
        for body in self._events:
            for choice in body.get("choices") or ():
                if choice.get("finish_reason"):
                    yield str(choice["finish_reason"])


def _is_whole(finish: str) -> bool:
    return finish in ("stop", "tool_calls", "function_call")
