"""Hold the calls of one model to a number, in all processes together.

A permit is a lease in Redis: whoever dies with it gives it back when it runs out.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from uuid import uuid4

import redis

from playground.core.errors import ProviderError
from playground.core.offloading import Errands
from playground.gateway.connecting import client

log = logging.getLogger(__name__)

PREFIX = "playground:{permits}:"
LEASE_S = 30
_RENEW_S = 10.0
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
# One that was given back, or has lapsed, is not taken again behind the others' backs.
_EXTEND = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""


_errands = Errands()


@contextlib.asynccontextmanager
async def held(model: str, most: int | None) -> AsyncIterator[None]:
    """Hold one of ``most`` permits of the model inside the block.

    Without Redis nothing is held: the endpoint's own limit is still there.

    Raises:
        ProviderError: ``provider.saturated``, all are taken.
    """
    if most is None:
        yield
        return
    permit = uuid4().hex
    taking = _errands.begin(_take(model, permit, most))
    try:
        if not await asyncio.shield(taking):
            raise ProviderError(
                "provider.saturated",
                f"As many calls of {model} run as are allowed at once.",
                http_status=503,
                retry_after_s=1,
            )
        renewing = asyncio.create_task(_renew(model, permit))
        try:
            yield
        finally:
            renewing.cancel()
    finally:
        # Also of a caller who left while it was taken, which may have happened all the same.
        await asyncio.shield(_errands.begin(_give_back(model, permit, taking)))


async def _take(model: str, permit: str, most: int) -> bool:
    try:
        return bool(
            await client().eval(_TAKE, 1, PREFIX + model, permit, most, LEASE_S * 1000)  # type: ignore[misc]
        )
    except (redis.RedisError, OSError) as error:
        log.warning("calls at once are not counted: %s", type(error).__name__)
        return True


async def _renew(model: str, permit: str) -> None:
    while True:
        await asyncio.sleep(_RENEW_S)
        with contextlib.suppress(redis.RedisError, OSError):
            await client().eval(_EXTEND, 1, PREFIX + model, permit, LEASE_S * 1000)  # type: ignore[misc]


async def _give_back(model: str, permit: str, taking: "asyncio.Task[bool]") -> None:
    await asyncio.wait((taking,))
    with contextlib.suppress(redis.RedisError, OSError):
        await client().zrem(PREFIX + model, permit)
