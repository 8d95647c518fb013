"""Pass a request on to an endpoint as it came, and its answer back as it comes.

Nothing that the gateway does not know is lost on the way: unknown parameters reach the endpoint,
unknown members of its answer reach the caller.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from playground.core.errors import ProviderError
from playground.core.redaction import redact
from playground.gateway.chat import Chunk
from playground.gateway.door.answers import DONE, Answer
from playground.gateway.door.measuring import Measured
from playground.gateway.providers import openai_compatible as upstream
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.refusing import is_error, refusal

MAX_WORDS = 500
_CALLERS_FAULT = frozenset((400, 413, 422))


async def whole(
    provider: OpenAICompatible,
    body: dict[str, Any],
    answer: Answer,
    call: Measured,
    *,
    include_usage: bool,
) -> None:
    """Relay an answer that comes at once."""
    async with _posted(provider, body) as response:
        raw = await response.read()
    with upstream.readable():
        content = orjson.loads(raw)
        if is_error(content):
            raise refusal(200, raw)
        for choice in content["choices"]:
            call.piece(upstream.whole({**content, "choices": [choice]}))
    await answer.whole(raw, "application/json")


async def stream(
    provider: OpenAICompatible,
    body: dict[str, Any],
    answer: Answer,
    call: Measured,
    *,
    include_usage: bool,
) -> None:
    """Relay an event stream; the tokens are asked for, and left out where the caller did not ask.

    An error after the first piece becomes the last event, so that no client takes half an answer
    for a whole one.
    """
    options = {**(body.get("stream_options") or {}), "include_usage": True}
    async with _posted(provider, {**body, "stream_options": options}) as response:
        async for raw, chunk, choices in _events(response):
            call.piece(chunk)
            if choices or include_usage or chunk.usage is None:
                await answer.piece(b"data: " + raw + b"\n\n")
    await answer.piece(DONE)
    await answer.end()


async def _events(
    response: aiohttp.ClientResponse,
) -> AsyncIterator[tuple[bytes, Chunk, bool]]:
    """Yield each event as it came, as a chunk, and whether it has a choice."""
    numbering = Numbering()
    async for line in upstream.lines(response):
        yield line, upstream.read(line, numbering), b'"choices":[]' not in line.replace(b" ", b"")


@contextlib.asynccontextmanager
async def _posted(
    provider: OpenAICompatible, body: dict[str, Any]
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Post and see to it that the answer is one; leaving the block ends the connection's use."""
    with upstream.reachable():
        async with await provider.post("chat/completions", body) as response:
            if response.status != 200:
                raise _refusal(response.status, await upstream.told(response))
            yield response


def _refusal(status: int, body: bytes) -> ProviderError:
    """Classify an endpoint's refusal; what the caller got wrong is told in the endpoint's words."""
    refused = refusal(status, body)
    if status not in _CALLERS_FAULT:
        return refused
    try:
        error = orjson.loads(body)["error"]
        said, param = error.get("message"), error.get("param")
    except (ValueError, KeyError, TypeError, AttributeError):
        said = param = None
    detail = redact(str(said)[:MAX_WORDS]) if said else refused.detail
    return ProviderError(
        "provider.refused", detail, http_status=400, retryable=False, param=param and str(param)
    )
