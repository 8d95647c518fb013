"""``POST /v1/chat/completions``: relayed to an endpoint as it came, or answered by a model here."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from playground.gateway.catalogue import provider_of
from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage
from playground.gateway.door import encoding, relaying
from playground.gateway.door.answers import DONE, Answer, event
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.measuring import Measured, measured
from playground.gateway.door.stopping import stopped
from playground.gateway.providers import Provider
from playground.gateway.providers.openai_compatible import OpenAICompatible

MAX_CHOICES = 8
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
# What ``ChatRequest`` names itself; everything else goes along as it is.
_NAMED = frozenset(
    "model messages tools response_format temperature max_tokens max_completion_tokens stop stream "
    "stream_options n".split()
)


async def complete(asking: Asking, answer: Answer) -> None:
    """Answer a chat completion, streamed or whole."""
    request = request_of(asking)
    streamed = asking.flag("stream")
    choices = int(asking.number("n", low=1, high=MAX_CHOICES, whole=True) or 1)
    include_usage = bool((asking.thing("stream_options") or {}).get("include_usage"))
    provider = await asyncio.to_thread(provider_of, request.model)
    with measured(asking.context, request, provider.name) as call:
        if isinstance(provider, OpenAICompatible):
            relay = relaying.stream if streamed else relaying.whole
            await relay(provider, asking.body, answer, call, include_usage=include_usage)
        elif streamed:
            await _stream(
                provider, request, answer, call, choices=choices, include_usage=include_usage
            )
        else:
            await _whole(provider, request, answer, call, choices=choices)


def request_of(asking: Asking) -> ChatRequest:
    """Read the fields that the gateway itself acts upon.

    Raises:
        InvalidInput: a field is missing or wrong; ``param`` names it.
    """
    messages = asking.objects("messages")
    if not messages:
        raise wrong("messages", "is required: a list of at least one message")
    for number, message in enumerate(messages):
        if message.get("role") not in _ROLES:
            raise wrong(f"messages[{number}].role", f"must be one of {', '.join(sorted(_ROLES))}")
        if not isinstance(message.get("content"), str | list | None):
            raise wrong(f"messages[{number}].content", "must be text or a list of parts")
    stop = asking.body.get("stop")
    if isinstance(stop, str):
        stop = [stop]
    if stop is not None and not (
        isinstance(stop, list) and len(stop) <= 4 and all(isinstance(s, str) and s for s in stop)
    ):
        raise wrong("stop", "must be text, or a list of at most four texts")
    limit = "max_completion_tokens" if "max_completion_tokens" in asking.body else "max_tokens"
    maximum = asking.number(limit, low=1, high=10_000_000, whole=True)
    return ChatRequest(
        model=asking.text("model"),
        messages=messages,
        tools=asking.objects("tools") or None,
        response_format=asking.thing("response_format"),
        temperature=asking.number("temperature", low=0, high=2),
        max_tokens=None if maximum is None else int(maximum),
        stop=stop,
        extra={name: value for name, value in asking.body.items() if name not in _NAMED},
    )


def _answers(provider: Provider, request: ChatRequest) -> AsyncIterator[Chunk]:
    return stopped(provider.stream(request), stop=request.stop or (), max_tokens=request.max_tokens)


async def _stream(
    provider: Provider,
    request: ChatRequest,
    answer: Answer,
    call: Measured,
    *,
    choices: int,
    include_usage: bool,
) -> None:
    head = encoding.Head.new("chatcmpl", model=request.model)
    used = Usage()
    for index in range(choices):
        gathered = Gathering()
        await answer.piece(event(encoding.opening(head, index)))
        async with contextlib.aclosing(_answers(provider, request)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                gathered.add(chunk)
                call.piece(chunk)
                if (encoded := encoding.piece(head, index, chunk)) is not None:
                    await answer.piece(event(encoded))
        await answer.piece(event(encoding.closing(head, index, gathered)))
        used = _added(used, gathered.usage)
    call.used(used)
    if include_usage:
        await answer.piece(event(encoding.usage(head, used)))
    await answer.piece(DONE)
    await answer.end()


async def _whole(
    provider: Provider, request: ChatRequest, answer: Answer, call: Measured, *, choices: int
) -> None:
    gathered = [Gathering() for _ in range(choices)]
    used = Usage()
    for one in gathered:
        async with contextlib.aclosing(_answers(provider, request)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                one.add(chunk)
                call.piece(chunk)
        used = _added(used, one.usage)
    call.used(used)
    head = encoding.Head.new("chatcmpl", model=request.model)
    await answer.json(encoding.completion(head, gathered, used))


def _added(used: Usage, more: Usage | None) -> Usage:
    """Add up the usage of several choices; they share one prompt."""
    if more is None:
        return used
    return Usage(
        max(used.input_tokens, more.input_tokens),
        used.output_tokens + more.output_tokens,
        (used.cost_usd or 0.0) + more.cost_usd if more.cost_usd is not None else used.cost_usd,
    )
