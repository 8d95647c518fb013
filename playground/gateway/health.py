"""Whether endpoints answer: probed in the background, known to all processes through Redis."""

import asyncio
import contextlib
import datetime as dt
import functools
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import orjson
import redis
from django.conf import settings
from redis.exceptions import LockError

from playground.core.errors import ProviderError
from playground.gateway import endpoints, looping
from playground.gateway.configuration import Server

log = logging.getLogger(__name__)

KEY = "playground:gateway:health"
LOCK = "playground:gateway:probing"
PROBE_EVERY_S = 15
ANSWER_WITHIN_S = 5.0
# All are asked at once, so a round takes little longer than its slowest answer; a worker that
# dies holds up one round at most.
LOCKED_S = 12.0
# One failure may be a hiccup.
DOWN_AFTER = 2
KNOWN_FOR_S = 1.0
# Older than a few rounds it tells nothing any more: nobody probes.
STALE_S = 4 * PROBE_EVERY_S

Status = Literal["up", "down", "unknown", "disabled"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the last probe saw; times are Unix seconds, ``since`` of the status, 0 for never.

    ``failures`` counts those in a row, ``error_code`` is empty where there was none.
    """

    endpoint: str
    status: Status
    latency_ms: float
    checked_at: float
    since: float
    error_code: str = ""
    failures: int = 0

    @property
    def checked(self) -> dt.datetime | None:
        """Return when it was probed, None for never."""
        return dt.datetime.fromtimestamp(self.checked_at, dt.UTC) if self.checked_at else None

    @property
    def changed(self) -> dt.datetime | None:
        """Return since when it has its status, None where that is not known."""
        return dt.datetime.fromtimestamp(self.since, dt.UTC) if self.since else None


_THERE = frozenset(
    "provider.unknown-model provider.refused provider.bad-answer provider.rate-limited".split()
)


def probe(server: Server) -> tuple[float, str]:
    """Ask an endpoint for its models; return milliseconds and the error's code, empty for none.

    One that answers but lists nothing is there all the same.
    """
    return looping.run(_probe(server))


async def _probe(server: Server) -> tuple[float, str]:
    if server.kind == "offline":
        return 0.0, ""
    begun, code = time.perf_counter(), ""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await _ask(server)
    except TimeoutError:
        code = "provider.timeout"
    except ProviderError as error:
        code = "" if error.code in _THERE else error.code
    except Exception as error:
        # One endpoint that cannot even be asked must not hide how the others are.
        log.warning("the endpoint %s cannot be probed: %s", server.name, type(error).__name__)
        code = "provider.failed"
    return (time.perf_counter() - begun) * 1000, server.fault or code


async def _ask(server: Server) -> None:
    endpoint = endpoints.connect(server)
    try:
        await endpoint.models()
    finally:
        await endpoint.close()


async def _probe_each(servers: list[Server]) -> list[tuple[float, str]]:
    return await asyncio.gather(*(_probe(server) for server in servers))


def probe_all(servers: Iterable[Server]) -> dict[str, Reading]:
    """Probe endpoints at once and keep what was seen; nothing while another round is under way.

    Raises:
        redis.RedisError: Redis is away.
    """
    client = _client()
    lock = client.lock(LOCK, timeout=LOCKED_S, blocking=False)
    if not lock.acquire():
        return {}
    try:
        asked = list(servers)
        known = _read(client)
        seen = looping.run(_probe_each(asked))
        now = time.time()
        made = {
            server.name: _judged(known.get(server.name), server.name, latency_ms, code, now)
            for server, (latency_ms, code) in zip(asked, seen, strict=True)
        }
        with client.pipeline() as pipe:
            pipe.delete(KEY)
            for name, reading in made.items():
                pipe.hset(KEY, name, orjson.dumps(asdict(reading)))
            pipe.execute()
        return made
    finally:
        # Only our own lock is let go, never that of a round which began since.
        with contextlib.suppress(LockError):
            lock.release()


def _judged(before: Reading | None, name: str, latency_ms: float, code: str, now: float) -> Reading:
    failures = (before.failures if before else 0) + 1 if code else 0
    status: Status = "up"
    if failures:
        status = "down" if failures >= DOWN_AFTER else (before.status if before else "unknown")
    since = before.since if before and before.status == status else now
    return Reading(name, status, latency_ms, now, since, code, failures)


def readings() -> dict[str, Reading]:
    """Return what is known by endpoint; nothing while Redis is away."""
    try:
        return _read(_client())
    except redis.RedisError as error:
        log.warning("the health of endpoints is not known: %s", type(error).__name__)
        return {}


def reading_of(server: Server, known: Mapping[str, Reading]) -> Reading:
    """Return how an endpoint is: a model of this process is up, one never probed is unknown."""
    if server.name in known:
        return known[server.name]
    status: Status = "up" if server.kind == "offline" else "unknown"
    return Reading(server.name, status, latency_ms=0.0, checked_at=0.0, since=0.0)


def _read(client: "redis.Redis") -> dict[str, Reading]:
    kept: dict[bytes, bytes] = client.hgetall(KEY)  # type: ignore[assignment]
    found = []
    for raw in kept.values():
        # Another release may have written it; the next round writes it anew.
        with contextlib.suppress(ValueError, TypeError):
            found.append(Reading(**orjson.loads(raw)))
    return {each.endpoint: each for each in found if time.time() - each.checked_at < STALE_S}


class _Down:
    """The endpoints that are down, as this process knows it."""

    lock = threading.Lock()
    names: frozenset[str] = frozenset()
    at = -1e9


def down() -> frozenset[str]:
    """Return the endpoints that are down; never waits: what is old is read anew beside the call."""
    if time.monotonic() - _Down.at > KNOWN_FOR_S and _Down.lock.acquire(blocking=False):
        _Down.at = time.monotonic()
        try:
            threading.Thread(target=_look, name="health", daemon=True).start()
        except RuntimeError:
            # No more threads: the next call looks again.
            _Down.lock.release()
    return _Down.names


def _look() -> None:
    try:
        _Down.names = frozenset(n for n, each in readings().items() if each.status == "down")
    finally:
        _Down.lock.release()


@functools.cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
