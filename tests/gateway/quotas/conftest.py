"""Quotas on the session's Valkey, at a time that tests turn themselves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import redis
import redis.asyncio
from django.conf import settings

from playground.gateway.quotas.reserving import Quotas, connect


@dataclass
class Clock:
    # Half a minute into 2040-02-29: later than now, as Valkey itself forgets what has ended.
    ms: int = 2_214_086_430_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(valkey: redis.Redis) -> AsyncIterator["redis.asyncio.Redis"]:
    client = connect(settings.REDIS_URL)
    yield client
    await client.aclose()


@pytest.fixture
def quotas(client: "redis.asyncio.Redis", clock: Clock) -> Quotas:
    return Quotas(client, fail_open=False, now_ms=clock)
