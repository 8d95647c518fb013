"""Token buckets in Valkey: one for each key, person or address, shared by all processes."""

import functools
import logging
from dataclasses import dataclass

import redis
from django.conf import settings

from playground.core.errors import QuotaExceeded

log = logging.getLogger(__name__)

# Answers 0 when a token was taken, else the milliseconds until there is one.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1]) or burst
tokens = math.min(burst, tokens + math.max(0, now - (tonumber(held[2]) or now)) * rate / 1000)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) * 1000 / rate) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / rate) + 1000)
return wait
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket: ``burst`` tokens at most, refilled with ``per_s`` a second."""

    name: str
    per_s: float
    burst: int


PERSON = Limit("person", per_s=100, burst=400)
ADDRESS = Limit("address", per_s=30, burst=300)
LOGIN = Limit("login", per_s=0.1, burst=10)


@functools.cache
def _connection() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, health_check_interval=30
    )


def take(limit: Limit, who: str) -> None:
    """Take one token from the bucket of ``who``.

    Without Valkey nothing is limited: a lost limiter must not lock everybody out. Nor is it with
    ``PLAYGROUND_RATE_LIMITS=off``.

    Raises:
        QuotaExceeded: the bucket is empty; ``retry_after_s`` says for how long.
    """
    if not settings.PLAYGROUND_RATE_LIMITS:
        return
    try:
        wait_ms = int(
            _connection().eval(_TAKE, 1, f"rate:{limit.name}:{who}", limit.per_s, limit.burst)  # type: ignore[arg-type]
        )
    except redis.RedisError as error:
        log.warning("rate limits are off: %s", type(error).__name__)
        return
    if wait_ms:
        seconds = -(-wait_ms // 1000)
        raise QuotaExceeded(
            "rate-limited",
            f"Too many requests. Try again in {seconds} s.",
            retry_after_s=seconds,
            limit=limit.name,
        )
