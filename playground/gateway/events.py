"""What models answer, in the one currency of the gateway: OpenAI's chat completion objects.

A streamed answer is a series of ``chat.completion.chunk``, a whole one a ``chat.completion``.
"""

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from playground.core.errors import ProviderError
from playground.core.redaction import redact
from playground.gateway import encoding
from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage
from playground.gateway.providers import Provider, reading
from playground.gateway.providers.dialects import error_of
from playground.gateway.providers.failing import UNREADABLE, garbage, reachable, readable
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.stopping import stopped

MAX_WORDS = 500
_CALLERS_FAULT = frozenset((400, 413, 422))


class Event:
    """One object of an answer; ``raw`` is how it came, while nothing in it was changed.

    ``choices`` are its choices; an object that only tells the usage has none.
    """

    __slots__ = ("body", "choices", "raw")

    def __init__(self, body: dict[str, Any], raw: bytes | None = None) -> None:
        self.body = body
        self.raw = raw
        choices = body.get("choices")
        self.choices: list[dict[str, Any]] = choices if isinstance(choices, list) else []

    def encoded(self) -> bytes:
        """Return it as JSON, untouched where it can be."""
        return orjson.dumps(self.body) if self.raw is None else self.raw

    @property
    def is_empty(self) -> bool:
        """Return whether it says nothing at all yet, neither words nor tokens."""
        return self.body.get("choices") == [] and not self.body.get("usage")

    @property
    def usage(self) -> Usage | None:
        """Return the tokens that it tells."""
        return reading.usage_of(self.body.get("usage"))


@dataclass
class Asked:
    """One call of one model: as a request for the models here, as a body for endpoints."""

    request: ChatRequest
    body: dict[str, Any]
    streamed: bool = True
    choices: int = 1


async def of_provider(provider: Provider | OpenAICompatible, asked: Asked) -> AsyncGenerator[Event]:
    """Ask a provider, whichever kind it is.

    Raises:
        ProviderError: it failed; nothing of what it says is lost before that.
    """
    source = (
        _relayed(provider, asked)
        if isinstance(provider, OpenAICompatible)
        else _spoken(provider, asked)
    )
    async with contextlib.aclosing(source) as events:
        async for event in events:
            yield event


async def _relayed(provider: OpenAICompatible, asked: Asked) -> AsyncGenerator[Event]:
    body = asked.body
    if asked.streamed:
        options = {**(body.get("stream_options") or {}), "include_usage": True}
        body = {**body, "stream": True, "stream_options": options}
    elif "stream_options" in body:
        # Without a stream they are refused.
        body = {name: value for name, value in body.items() if name != "stream_options"}
    with reachable():
        async with await provider.post("chat/completions", body) as response:
            if response.status != 200:
                told = await reading.told(response)
                raise refused(response.status, told, response.headers, secret=provider.secret)
            if asked.streamed and "text/event-stream" in response.headers.get("Content-Type", ""):
                async for event in _lines(response, asked.choices):
                    yield event
                return
            raw = await response.read()
    whole = _read(raw)
    with readable():
        for choice in whole.body["choices"]:
            reading.whole({**whole.body, "choices": [choice]})
    yield _as_chunk(whole) if asked.streamed else whole


async def _lines(response: aiohttp.ClientResponse, choices: int) -> AsyncIterator[Event]:
    async for data in reading.lines(response, choices=choices):
        yield _read(data)


def _read(raw: bytes) -> Event:
    try:
        body = orjson.loads(raw)
        if is_error(body):
            raise refusal(200, raw)
        if not isinstance(body.get("choices", []), list | None):
            raise TypeError("choices")
        return Event(body, raw)
    except UNREADABLE as error:
        raise garbage("its answer could not be read") from error


def _as_chunk(whole: Event) -> Event:
    """Turn the answer of an endpoint that does not stream into one event."""
    choices = []
    for choice in whole.choices:
        message = dict(choice["message"])
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
        rest = {name: value for name, value in choice.items() if name != "message"}
        choices.append({**rest, "delta": message})
    return Event({**whole.body, "object": "chat.completion.chunk", "choices": choices})


class RefusedInWords(ProviderError):
    """An endpoint's refusal with what it said, for the caller alone.

    ``words`` may repeat what was asked: they are no part of the error's detail, which logs and
    traces keep.
    """

    words: str = ""


def refused(
    status: int, body: bytes, headers: Mapping[str, str] | None = None, *, secret: str = ""
) -> ProviderError:
    """Classify an endpoint's refusal; what the caller got wrong is told in the endpoint's words.

    The ``secret`` that it may repeat is blanked out, in whatever case it is written.
    """
    known = refusal(status, body, headers)
    if status not in _CALLERS_FAULT or known.code != "provider.refused":
        return known
    error = error_of(body)
    said, param = error.get("message"), error.get("param")
    # Before it is cut, lest the end of a key be cut off and its beginning be left.
    told = RefusedInWords(
        "provider.refused",
        known.detail,
        http_status=400,
        retryable=False,
        param=_without(secret, str(param)) if param else None,
    )
    told.words = redact(_without(secret, str(said))[:MAX_WORDS]) if said else ""
    return told


def _without(secret: str, text: str) -> str:
    return re.sub(re.escape(secret), "[key]", text, flags=re.IGNORECASE) if secret else text


async def _spoken(provider: Provider, asked: Asked) -> AsyncGenerator[Event]:
    """Let a model of this process speak in the same objects."""
    request = asked.request
    prefix = encoding.Head.new("chatcmpl", model=request.model)
    used, gathered = Usage(), [Gathering() for _ in range(asked.choices)]
    for index, one in enumerate(gathered):
        opened = not asked.streamed
        chunks = stopped(
            provider.stream(request), stop=request.stop or (), max_tokens=request.max_tokens
        )
        async with contextlib.aclosing(chunks) as answered:  # type: ignore[type-var]
            async for chunk in answered:
                one.add(chunk)
                # Not before the model speaks: until then another may answer in its place.
                if not opened:
                    opened = True
                    yield Event(encoding.opening(prefix, index))
                if asked.streamed and (said := encoding.piece(prefix, index, chunk)) is not None:
                    yield Event(said)
        if asked.streamed:
            yield Event(encoding.closing(prefix, index, one))
        used = _added(used, one.usage)
    if asked.streamed:
        yield Event(encoding.usage(prefix, used))
    else:
        yield Event(encoding.completion(prefix, gathered, used))


def _added(used: Usage, more: Usage | None) -> Usage:
    """Add up the usage of several choices; they share one prompt."""
    if more is None:
        return used
    return Usage(max(used.input_tokens, more.input_tokens), used.output_tokens + more.output_tokens)


class Reading:
    """Read the events of a streamed answer's first choice as chunks.

    Azure's first event has no choices, only what its filter says.
    Source: recorded in https://git.kvant.cloud/phoenix-oss/llama-stack-mirror,
    tests/integration/recordings/responses/ff3271401fb4.json
    """

    def __init__(self) -> None:
        self._numbering = Numbering()

    def chunk(self, event: Event) -> Chunk:
        """Return the event as a chunk.

        Raises:
            ProviderError: it makes no sense.
        """
        first = [choice for choice in event.choices if not choice.get("index")]
        # Once for each piece of every answer: a context manager would cost as much as the rest.
        try:
            delta = (first[0].get("delta") if first else None) or {}
            calls = delta.get("tool_calls")
            return Chunk(
                text=reading.text_of(delta.get("content")),
                tool_calls=self._numbering.deltas(calls) if calls else None,
                finish_reason=first[0].get("finish_reason") if first else None,
                usage=event.usage,
            )
        except UNREADABLE as error:
            raise garbage("its answer could not be read") from error


class Said:
    """What an answer has said so far: its first choice, all that was written, the tokens told."""

    def __init__(self) -> None:
        self.gathered = Gathering()
        self.usage: Usage | None = None
        self._others: list[str] = []
        self._reading = Reading()

    @property
    def written(self) -> str:
        """Return the text and the tool calls of all choices."""
        return self.gathered.written + "".join(self._others)

    def take(self, event: Event) -> str:
        """Take in an event; return the text that it adds to the first choice."""
        for choice in event.choices:
            if choice.get("index"):
                self._others.append(_words(choice.get("delta") or choice.get("message")))
        choice = event.choices[0] if event.choices else {}
        if "message" in choice:
            with readable():
                chunk = reading.whole({**event.body, "choices": [choice]})
        else:
            chunk = self._reading.chunk(event)
        self.usage = chunk.usage or self.usage
        self.gathered.add(chunk)
        return chunk.text or ""


def _words(message: dict[str, Any] | None) -> str:
    if not message:
        return ""
    calls = message.get("tool_calls") or ()
    called = "".join(
        f"{call['function'].get('name') or ''}{call['function'].get('arguments') or ''}"
        for call in calls
        if isinstance(call.get("function"), dict)
    )
    return (message.get("content") or "") + called
