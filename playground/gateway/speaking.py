"""Let a model of this process speak as endpoints do: in OpenAI's chat completion objects."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from playground.gateway import encoding
from playground.gateway.chat import ChatRequest, Gathering, Usage
from playground.gateway.providers import Provider
from playground.gateway.stopping import stopped


async def spoken(
    provider: Provider, request: ChatRequest, *, streamed: bool, choices: int
) -> AsyncGenerator[dict[str, Any]]:
    """Yield the objects of an answer; one that is not streamed is a single one."""
    head = encoding.Head.new("chatcmpl", model=request.model)
    used, gathered = Usage(), [Gathering() for _ in range(choices)]
    for index, one in enumerate(gathered):
        opened = not streamed
        chunks = stopped(
            provider.stream(request), stop=request.stop or (), max_tokens=request.max_tokens
        )
        async with contextlib.aclosing(chunks) as answered:
            async for chunk in answered:
                one.add(chunk)
                # Not before the model speaks: until then another may answer in its place.
                if not opened:
                    opened = True
                    yield encoding.opening(head, index)
                if streamed and (said := encoding.piece(head, index, chunk)) is not None:
                    yield said
        if streamed:
            yield encoding.closing(head, index, one)
        used = _added(used, one.usage)
    yield encoding.usage(head, used) if streamed else encoding.completion(head, gathered, used)


def _added(used: Usage, more: Usage | None) -> Usage:
    """Add up the usage of several choices; they share one prompt."""
    if more is None:
        return used
    return Usage(max(used.input_tokens, more.input_tokens), used.output_tokens + more.output_tokens)
