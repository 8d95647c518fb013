"""Tell in Redis which versions this process holds, and read what every process told.

Only a hint for people: nothing is decided by it.
"""

import functools
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
import redis
from django.conf import settings

PROCESSES = "playground:prompts:processes"
# A process that has said nothing for so long is not listed any more.
FORGOTTEN_AFTER_S = 600
# Each tells every second or so.
SILENT_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process has in memory of a prompt.

    Attributes:
        process: its part, host and process id, such as ``web@host:4711``.
        silent_s: since it last said so; one that is paused or gone grows silent.
        revision: of the state that it knows; an older one than the stored is asked for again
            before it is used.
        labels: version by label.
        latest: the version that ``latest`` leads to.
        versions: those whose content is in memory.
    """

    process: str
    silent_s: float
    revision: UUID | None
    labels: Mapping[str, int]
    latest: int | None
    versions: tuple[int, ...]

    @property
    def is_silent(self) -> bool:
        """Return whether it has said nothing for longer than one that works ever does."""
        return self.silent_s > SILENT_AFTER_S


@functools.cache
def connection() -> "redis.Redis":
    """Return the client of this process."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, health_check_interval=30
    )


class Teller:
    """Keep in Redis what this process holds, and show that it lives."""

    def __init__(self, part: str) -> None:
        self.process = f"{part}@{socket.gethostname()}:{os.getpid()}"
        self._told: dict[Any, bytes] = {}

    def tell(self, held: Mapping[UUID, Mapping[str, Any]]) -> None:
        """Write what has changed since the last time, or all of it where Redis has lost it.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        client, name = connection(), _held(self.process)
        seconds = _now(client)
        if not client.exists(name):
            self._told.clear()
        now: dict[Any, bytes] = {str(prompt): orjson.dumps(state) for prompt, state in held.items()}
        changed: dict[Any, Any] = {
            each: state for each, state in now.items() if self._told.get(each) != state
        }
        gone = self._told.keys() - now.keys()
        with client.pipeline() as steps:
            if changed:
                steps.hset(name, mapping=changed)
            if gone:
                steps.hdel(name, *gone)
            steps.expire(name, FORGOTTEN_AFTER_S)
            steps.zadd(PROCESSES, {self.process: seconds})
            steps.zremrangebyscore(PROCESSES, 0, seconds - FORGOTTEN_AFTER_S)
            steps.execute()
        self._told = now


def processes_holding(prompt: UUID) -> list[Holding]:
    """Return who holds the prompt, by name; nobody while Redis is away."""
    client = connection()
    try:
        seconds = _now(client)
        heard = cast("list[tuple[bytes, float]]", client.zrange(PROCESSES, 0, -1, withscores=True))
        with client.pipeline() as steps:
            for process, _ in heard:
                steps.hget(_held(process.decode()), str(prompt))
            told = steps.execute()
    except redis.RedisError:
        return []
    return [
        _holding(process.decode(), seconds - at, orjson.loads(state))
        for (process, at), state in sorted(zip(heard, told, strict=True), key=lambda one: one[0][0])
        if state is not None
    ]


def _holding(process: str, silent_s: float, state: Mapping[str, Any]) -> Holding:
    revision = state["revision"]
    return Holding(
        process=process,
        silent_s=max(0.0, silent_s),
        revision=UUID(revision) if revision else None,
        labels=state["labels"],
        latest=state["latest"],
        versions=tuple(state["versions"]),
    )


def _now(client: "redis.Redis") -> int:
    # Redis's own clock: those of hosts differ.
    return int(client.time()[0])


def _held(process: str) -> str:
    return f"{PROCESSES}:{process}"
