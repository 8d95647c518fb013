"""What answers model calls: models of this process, behind a small protocol, and endpoints."""

from collections.abc import AsyncIterator
from typing import Protocol

from playground.gateway.chat import ChatRequest, Chunk


class Provider(Protocol):
    """A model of this process: answer a chat request in chunks; the last carries the usage.

    Closing the iterator aborts the call upstream.

    Raises:
        ProviderError: with a stable code, when the provider fails.
    """

    name: str

    def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]: ...
