"""Receive what an endpoint sends: no more than has room, and only as long as it says something."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from playground.gateway.providers.failing import garbage

T = TypeVar("T")

MAX_WHOLE = 2**26
# Gemini's lists of what is wrong get long.
MAX_ERROR = 2**16
# How long the rest of a refusal is waited for.
ERROR_S = 5.0


class Patience:
    """The seconds that an endpoint has to say something, from the request on.

    Only the time in which it is waited for counts. Bytes that say nothing, such as the comments
    that keep a connection open, do not prolong it.
    """

    def __init__(self, silence_s: float) -> None:
        self._silence_s = self._left_s = silence_s
        self._since = time.monotonic()
        self._ending = False
        self.running = True
        """Whether the waiting has to be counted; the socket's own limit is enough between words."""

    def heard(self) -> None:
        """Begin anew, as it has said something."""
        if not self._ending:
            self.running = False
            self._left_s = self._silence_s
            self._since = time.monotonic()

    def run(self) -> None:
        """Count from now on: what came says nothing."""
        if not self.running:
            self.running = True
            self._left_s -= time.monotonic() - self._since

    def end_within(self, seconds: float) -> None:
        """Wait for so long and no longer, whatever is said."""
        self._ending = self.running = True
        self._left_s = min(self._left_s, seconds)

    async def wait(self, coming: Coroutine[Any, Any, T]) -> T:
        """Wait for something.

        Raises:
            TimeoutError: nothing was said for too long.
        """
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                return await coming
        finally:
            self._left_s -= time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Reply:
    """An endpoint's answer while it comes."""

    response: aiohttp.ClientResponse
    patience: Patience

    @property
    def streams(self) -> bool:
        """Return whether it comes as server-sent events."""
        return "text/event-stream" in self.response.headers.get("Content-Type", "").lower()

    async def whole(self, most: int = MAX_WHOLE) -> bytes:
        """Read all of it.

        Raises:
            ProviderError: ``provider.bad-answer``, it has more than ``most`` bytes.
        """
        return await self.patience.wait(within(self.response, most))


async def within(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a whole body, decompressed, unless it has more bytes than that.

    Raises:
        ProviderError: ``provider.bad-answer``, it has.
    """
    pieces, size = [], 0
    while piece := await response.content.readany():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise garbage(f"its answer is larger than {most} bytes")
    return b"".join(pieces)


async def error_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of a refusal, as far as anybody needs it and as far as it comes."""
    pieces = b""
    # One that is cut off is told as far as it came; the status says what it is about.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(ERROR_S):
            while len(pieces) < MAX_ERROR and (piece := await response.content.read(MAX_ERROR)):
                pieces += piece
    return pieces[:MAX_ERROR]
