"""Providers: what answers model calls, each behind the same small protocol."""

from collections.abc import AsyncIterator
from typing import Protocol

from playground.gateway.chat import ChatRequest, Chunk


class Provider(Protocol):
    """Answer a chat request in chunks; the last one carries the usage.

    Closing the iterator aborts the call upstream.

    Raises:
        ProviderError: with a stable code, when the provider fails.
    """

    name: str

    def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]: ...
