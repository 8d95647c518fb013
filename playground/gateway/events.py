"""What models answer, in the one currency of the gateway: OpenAI's chat completion objects.

A streamed answer is a series of ``chat.completion.chunk``, a whole one a ``chat.completion``.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from playground.core.offloading import aside
from playground.gateway.chat import ASIDES, ChatRequest, Chunk, Gathering, Usage
from playground.gateway.providers import Provider, reading
from playground.gateway.providers.checking import choices_of, numbered, parsed
from playground.gateway.providers.failing import UNREADABLE, cut, garbage
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.speaking import spoken

# What an endpoint may send before its first words is held until they come.
MAX_QUIET = 2**22
# All of it is kept until it has ended: for its trace, its price and its rules.
MAX_STREAM = 2**27
# Longer ones are read in a thread.
LONG_WHOLE = 2**16
_STREAMING = frozenset(("stream", "stream_options"))
# What an event takes here besides its letters.
_PER_EVENT = 400


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
        """Return whether it says nothing at all, neither words nor tokens; a role is nothing."""
        return not any(map(_says, self.choices)) and not self.body.get("usage")

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


def of_provider(provider: Provider | OpenAICompatible, asked: Asked) -> AsyncGenerator[Event]:
    """Ask a provider, whichever kind it is.

    Raises:
        ProviderError: it failed; nothing of what it says is lost before that.
    """
    if isinstance(provider, OpenAICompatible):
        return _relayed(provider, asked)
    return _spoken(provider, asked)


async def _spoken(provider: Provider, asked: Asked) -> AsyncGenerator[Event]:
    speaking = spoken(provider, asked.request, streamed=asked.streamed, choices=asked.choices)
    async with contextlib.aclosing(speaking) as objects:
        async for each in objects:
            yield Event(each)


async def _relayed(provider: OpenAICompatible, asked: Asked) -> AsyncGenerator[Event]:
    body = asked.body
    if asked.streamed:
        options = {**(body.get("stream_options") or {}), "include_usage": True}
        body = {**body, "stream": True, "stream_options": options}
    elif not _STREAMING.isdisjoint(body):
        # Without a stream its options are refused.
        body = {name: value for name, value in body.items() if name not in _STREAMING}
    async with provider.posted("chat/completions", body) as reply:
        if not (asked.streamed and reply.streams):
            raw = await reply.whole()
            whole = await aside(len(raw) > LONG_WHOLE, _whole, raw)
        else:
            quiet: int | None = 0
            begun, ended, size = set[int](), set[int](), 0
            async with contextlib.aclosing(reading.lines(reply, choices=asked.choices)) as listed:
                async for data in listed:
                    size += len(data) + _PER_EVENT
                    if size > MAX_STREAM:
                        raise garbage("its answer is too long")
                    event = _read(data)
                    if asked.choices > 1:
                        # Not those that were asked for: not every endpoint knows of ``n``.
                        begun.update(each.get("index") or 0 for each in event.choices)
                        ended.update(
                            each.get("index") or 0
                            for each in event.choices
                            if each.get("finish_reason")
                        )
                    yield event
                    if not event.is_empty:
                        reply.patience.heard()
                        quiet = None
                        continue
                    reply.patience.run()
                    if quiet is not None and (quiet := quiet + len(data) + _PER_EVENT) > MAX_QUIET:
                        raise garbage("it sends much and says nothing")
            if begun - ended:
                raise cut()
            return
    yield _as_chunk(whole) if asked.streamed else whole


def _read(raw: bytes) -> Event:
    """Read an object as the endpoint has written it.

    Raises:
        ProviderError: it is an error, or makes no sense.
    """
    try:
        body = parsed(raw)
        if is_error(body):
            raise refusal(200, raw[: reading.MAX_LINE])
        choices = choices_of(body)
        if not numbered(choices):
            body["choices"] = [{**each, "index": at} for at, each in enumerate(choices)]
            return Event(body)
        # A carriage return ends a line of an event stream, where it may stand in JSON.
        return Event(body, None if b"\r" in raw else raw)
    except UNREADABLE as error:
        raise garbage("its answer could not be read") from error


def _whole(raw: bytes) -> Event:
    event = _read(raw)
    if not event.choices or not all(
        isinstance(choice.get("message"), dict) for choice in event.choices
    ):
        raise garbage("its answer could not be read")
    return event


def _as_chunk(whole: Event) -> Event:
    """Turn the answer of an endpoint that does not stream into one event."""
    choices = []
    for choice in whole.choices:
        message = dict(choice["message"])
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [{**call, "index": at} for at, call in enumerate(calls)]
        rest = {name: value for name, value in choice.items() if name != "message"}
        choices.append({**rest, "delta": message})
    return Event({**whole.body, "object": "chat.completion.chunk", "choices": choices})


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
        # Once for each piece of every answer: a context manager would cost as much as the rest.
        try:
            first = [choice for choice in event.choices if not choice.get("index")]
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


_TEXT = frozenset(("role", "content", "tool_calls"))


class Said:
    """What an answer has said so far: its first choice, all that was written, the tokens told.

    Attributes:
        usage: the tokens last told.
        is_counted: whether nothing was written after they were told.
        ended: the choices that have ended.
    """

    def __init__(self) -> None:
        self.gathered = Gathering()
        self.usage: Usage | None = None
        self.is_counted = False
        self.ended: set[int] = set()
        self._others: list[str] = []
        self._reading = Reading()

    @property
    def written(self) -> str:
        """Return the text, the tool calls and the thoughts of all choices."""
        return self.gathered.written + "".join(self._others)

    def take(self, event: Event) -> str:
        """Take in an event; return the text that it adds to the first choice.

        Raises:
            ProviderError: it makes no sense.
        """
        whole = None
        try:
            for choice in event.choices:
                said = choice.get("delta") or choice.get("message")
                if said and any(value for name, value in said.items() if name != "role"):
                    self.is_counted = False
                if choice.get("finish_reason"):
                    self.ended.add(choice.get("index") or 0)
                if said and not (said.keys() <= _TEXT):
                    self._others.extend(_asides(said))
                if choice.get("index"):
                    self._others.append(_words(said))
                elif "message" in choice:
                    whole = reading.whole({**event.body, "choices": [choice]})
        except UNREADABLE as error:
            raise garbage("its answer could not be read") from error
        chunk = whole or self._reading.chunk(event)
        if chunk.usage is not None:
            self.usage, self.is_counted = chunk.usage, True
        self.gathered.add(chunk)
        return chunk.text or ""


def _says(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    if delta and any(value for name, value in delta.items() if name != "role"):
        return True
    return bool(choice.get("finish_reason")) or "message" in choice


def _asides(message: dict[str, Any]) -> Iterator[str]:
    """Yield what a model writes beside its text; it is paid for, too."""
    for name in ASIDES:
        if isinstance(text := message.get(name), str):
            yield text
    if function := message.get("function_call"):
        yield f"{function.get('name') or ''}{function.get('arguments') or ''}"


def _words(message: dict[str, Any] | None) -> str:
    if not message:
        return ""
    calls = Numbering().deltas(message.get("tool_calls")) or ()
    called = "".join(f"{call.name or ''}{call.arguments}" for call in calls)
    return (reading.text_of(message.get("content")) or "") + called
