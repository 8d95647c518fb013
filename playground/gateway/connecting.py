"""Redis for the calls of models: one client for each event loop that calls them."""

import asyncio
import contextlib
import weakref

import redis.asyncio
from django.conf import settings

from playground.gateway import looping
from playground.gateway.quotas.reserving import Quotas, connect

_clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis]" = (
    weakref.WeakKeyDictionary()
)
_quotas: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Quotas]" = (
    weakref.WeakKeyDictionary()
)


def client() -> "redis.asyncio.Redis":
    """Return the client of the running loop."""
    loop = asyncio.get_running_loop()
    known = _clients.get(loop)
    if known is None:
        known = _clients[loop] = connect(settings.REDIS_URL)
        looping.close_at_exit(_close)
    return known


def quotas() -> Quotas:
    """Return the quotas of the running loop."""
    loop = asyncio.get_running_loop()
    known = _quotas.get(loop)
    if known is None:
        fail_open = settings.PLAYGROUND_QUOTAS_WITHOUT_REDIS == "open"
        lease_s = settings.PLAYGROUND_CALL_LEASE_S
        known = _quotas[loop] = Quotas(client(), fail_open=fail_open, lease_s=lease_s)
    return known


async def _close() -> None:
    loop = asyncio.get_running_loop()
    if known := _quotas.pop(loop, None):
        await known.finish()
    if connected := _clients.pop(loop, None):
        with contextlib.suppress(Exception):
            await connected.aclose()
