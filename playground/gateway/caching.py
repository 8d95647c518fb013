"""Answer equal requests from an earlier answer, for teams that want it.

Equal is what would be sent, byte for byte but for the order of its members, under one version of
the configuration. Answers lie in Redis, for each team apart, as long as its rule says.
"""

import contextlib
import hashlib
from collections.abc import AsyncGenerator
from typing import Any

import orjson

from playground.gateway import shelves
from playground.gateway.call import Call
from playground.gateway.configuration import Configuration
from playground.gateway.events import Event

PREFIX = "playground:answers:"
MAX_BYTES = 2**18
# Of each team: half a gigabyte where all are as long as may be.
MOST_KEPT = 2_000
# Says how the answer is sent or for whom it is, not what it is.
_IRRELEVANT = frozenset(("stream", "stream_options", "user", "metadata", "store"))


def name_of(
    configuration: Configuration, *, team: str, model: str, streamed: bool, body: dict[str, Any]
) -> str:
    """Return the name under which the answer to a request is kept.

    Streamed and whole answers are kept apart: each is played back as it came.
    """
    asked = {name: value for name, value in body.items() if name not in _IRRELEVANT}
    told = [str(configuration.version), model, streamed, asked]
    digest = hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{shelves.shelf_of(team, PREFIX)}:{digest}"


async def kept(name: str) -> list[Event] | None:
    """Return the events of the answer that is kept under the name."""
    (raw,) = await shelves.found([name])
    return None if raw is None else [Event(body) for body in orjson.loads(raw)]


async def through(
    call: Call, known: Configuration, events: AsyncGenerator[Event], *, ttl_s: int
) -> AsyncGenerator[Event]:
    """Answer as an equal request was answered before, else keep the answer for later ones."""
    name = name_of(
        known,
        team=call.context.team,
        model=f"{call.operation} {call.request.model}",
        streamed=call.streamed,
        body=call.body,
    )
    before = await kept(name)
    call.headers["playground-cache"] = "miss" if before is None else "hit"
    if before is not None:
        call.from_cache = True
        call.span.set("playground.cache", "hit")
        await events.aclose()
        for event in before:
            yield event
        return
    recording = Recording(choices=call.choices if call.operation == "chat" else 0)
    async with contextlib.aclosing(events) as coming:
        async for event in coming:
            recording.take(event)
            yield event
    await recording.keep(name, team=call.context.team, ttl_s=ttl_s)


class Recording:
    """Keep an answer that came to its end.

    It is written down as it comes, and given up when it gets long.
    """

    def __init__(self, *, choices: int) -> None:
        self._choices = choices
        self._pieces: list[bytes] = []
        self._size = 0
        self._finishes: dict[str, str] = {}

    def take(self, event: Event) -> None:
        """Take in an event as the caller gets it."""
        for at, choice in enumerate(event.choices):
            number = str(choice.get("index", at))
            self._finishes[number] = choice.get("finish_reason") or self._finishes.get(number, "")
        if self._size <= MAX_BYTES:
            self._pieces.append(event.encoded())
            self._size += len(self._pieces[-1])

    async def keep(self, name: str, *, team: str, ttl_s: int) -> None:
        """Keep the answer for so many seconds, unless it was cut off or is very long."""
        whole = all(finish in _WHOLE for finish in self._finishes.values())
        if not whole or len(self._finishes) < self._choices or self._size > MAX_BYTES:
            return
        events = b"[" + b",".join(self._pieces) + b"]"
        shelf = shelves.shelf_of(team, PREFIX)
        await shelves.keep(shelf, {name: events}, ttl_s=ttl_s, most=MOST_KEPT)


_WHOLE = ("stop", "tool_calls", "function_call")
