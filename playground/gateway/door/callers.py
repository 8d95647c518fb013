"""Who calls ``/v1``: asked of the database once a second for each key, not for each request."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from playground.core.context import RequestContext
from playground.core.errors import PolicyDenied, Unauthenticated
from playground.policy.authentication import DECLARING, caller_from_scope
from playground.policy.deciding import Resource, decide
from playground.policy.origins import header, origin_allowed
from playground.policy.requests import Caller as Asker

log = logging.getLogger(__name__)

# A key that was revoked, or a member who was removed, is out this much later at most.
KNOWN_FOR_S = 1.0
MAX_KNOWN = 4096
# How long after their last call somebody is kept known, and how many at once.
KEPT_FRESH_S = 3.0
MAX_KEPT_FRESH = 64
_WRITTEN_DOWN = ("playground-purpose", "playground-on-behalf-of")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by the API key with the id ``key``; ``may_call`` is what the policies say."""

    context: RequestContext
    may_call: bool
    key: str = ""


_known: dict[bytes, tuple[float, Caller | None]] = {}
_asking: dict[bytes, "asyncio.Future[Caller | None]"] = {}
_used: dict[bytes, float] = {}
_keeping: dict[bytes, "asyncio.Future[None]"] = {}


async def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Return who calls, by API key, or by the session of one of our own pages.

    Raises:
        Unauthenticated: ``auth.required`` or ``auth.invalid-key``.
        PolicyDenied: a page of another origin calls with our user's session.
    """
    if not origin_allowed(scope):
        raise (
            _nobody(scope)
            if header(scope, "origin") is None
            else PolicyDenied("auth.origin", "Calls from pages of another origin are not allowed.")
        )
    fingerprint = _fingerprint(scope)
    kept = _known.get(fingerprint)
    if kept is None or time.monotonic() - kept[0] >= KNOWN_FOR_S:
        caller = await _ask(scope, fingerprint)
    else:
        caller = kept[1]
    if caller is None:
        raise _nobody(scope)
    # Whether somebody may declare these goes into the audit log each time it is asked.
    declares = any(header(scope, name) is not None for name in _WRITTEN_DOWN)
    if not declares and (fingerprint in _keeping or len(_keeping) < MAX_KEPT_FRESH):
        _used[fingerprint] = time.monotonic()
        if fingerprint not in _keeping:
            _keeping[fingerprint] = asyncio.ensure_future(_keep_fresh(scope, fingerprint))
    return caller


async def _keep_fresh(scope: Mapping[str, Any], fingerprint: bytes) -> None:
    """Ask again beside the calls of whoever calls now and then, so that none of them waits."""
    try:
        while time.monotonic() - _used[fingerprint] < KEPT_FRESH_S:
            await asyncio.sleep(KNOWN_FOR_S * 0.6)
            if await _ask(scope, fingerprint) is None:
                return
    except Exception as error:
        # The answer grows old then, and the next caller is told why.
        log.warning("who calls is not known just now: %s", type(error).__name__)
    finally:
        _keeping.pop(fingerprint, None)
        _used.pop(fingerprint, None)


async def _ask(scope: Mapping[str, Any], fingerprint: bytes) -> Caller | None:
    """Ask the database, once for all calls that wait for the same answer."""
    asking = _asking.get(fingerprint)
    if asking is None:
        asking = asyncio.ensure_future(_recognise(scope, fingerprint))
        _asking[fingerprint] = asking
        asking.add_done_callback(lambda _: _asking.pop(fingerprint, None))
    return await asyncio.shield(asking)


async def _recognise(scope: Mapping[str, Any], fingerprint: bytes) -> Caller | None:
    # Dated from before the question: what is revoked meanwhile is not known for longer.
    at = time.monotonic()
    asker = await caller_from_scope(scope)
    caller = await _allowed(asker) if asker else None
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[fingerprint] = (at, caller)
    return caller


async def _allowed(asker: Asker) -> Caller:
    context = asker.context
    # Asked with the caller, once a second, and so not written down call by call: traces are.
    model = Resource("Model", "any", context.team)
    decision = await sync_to_async(decide)(context, "invoke", model, audit=False)
    return Caller(context, decision.allowed, str(asker.key.id) if asker.key else "")


def _fingerprint(scope: Mapping[str, Any]) -> bytes:
    said = "\n".join(
        header(scope, name) or ""
        for name in ("authorization", "cookie", *(name.lower() for name in DECLARING))
    )
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


def _nobody(scope: Mapping[str, Any]) -> Unauthenticated:
    if header(scope, "authorization") is None:
        return Unauthenticated("auth.required", "Send an API key as `Authorization: Bearer pg_…`.")
    return Unauthenticated("auth.invalid-key", "This API key is unknown, expired or revoked.")
