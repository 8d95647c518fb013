"""Hear what an answer says in each of its choices, for rules that judge it whole."""

from collections.abc import Mapping
from typing import Any

from playground.gateway.chat import ASIDES, Chunk, Gathering
from playground.gateway.events import Event
from playground.gateway.guardrails.covering import unescaped
from playground.gateway.providers.failing import UNREADABLE, garbage
from playground.gateway.providers.numbering import Numbering

_PLAIN_PARTS = (None, "text", "output_text")


def by_choice(event: Event, *, streamed: bool) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Return of each choice its index, itself, and its delta or message.

    A choice without an index has that of its place.
    """
    member = "delta" if streamed else "message"
    return [
        (
            place if choice.get("index") is None else choice["index"],
            choice,
            choice.get(member) or {},
        )
        for place, choice in enumerate(event.choices)
    ]


def content_of(content: str | list[dict[str, Any]] | None) -> str | None:
    """Return the text of a message; of parts those that are text, as one."""
    if not isinstance(content, list):
        return content
    return "".join(part.get("text") or "" for part in content if part.get("type") in _PLAIN_PARTS)


class Calls:
    """Gather the calls of tools of one choice, the one of old, ``function_call``, too."""

    def __init__(self) -> None:
        self.tools = Gathering()
        self.function = Gathering()
        self.chars = 0
        """How long they are by now."""
        self._numbering = Numbering()

    def take(self, said: Mapping[str, Any]) -> None:
        """Take in a delta or a message.

        Raises:
            ProviderError: what it calls cannot be read.
        """
        calls, function = said.get("tool_calls"), said.get("function_call")
        if not calls and not function:
            return
        try:
            if calls and not isinstance(calls, list):
                raise TypeError("tool_calls")
            self._add(self.tools, Chunk(tool_calls=self._numbering.deltas(calls)))
            if function:
                self._add(
                    self.function, Chunk(tool_calls=Numbering().deltas([{"function": function}]))
                )
        except (*UNREADABLE, RecursionError) as error:
            raise garbage("its answer could not be read") from error

    def _add(self, gathering: Gathering, chunk: Chunk) -> None:
        gathering.add(chunk)
        self.chars += sum(
            len(each.name or "") + len(each.arguments) for each in chunk.tool_calls or ()
        )


class Heard:
    """All that an answer says, by choice: of a whole one by its place, of a stream by its index."""

    def __init__(self, *, streamed: bool) -> None:
        self.voices: dict[int, Voice] = {}
        self._streamed = streamed

    def take(self, event: Event) -> None:
        """Take in an event.

        Raises:
            ProviderError: it makes no sense.
        """
        for place, (index, _, said) in enumerate(by_choice(event, streamed=self._streamed)):
            key = index if self._streamed else place
            self.voices.setdefault(key, Voice()).take(said)

    def texts(self) -> list[str]:
        """Return the texts of all choices, arguments of tools as they read."""
        return [text for voice in self.voices.values() for text in voice.texts()]

    @property
    def chars(self) -> int:
        """Return how long the texts are."""
        return sum(map(len, self.texts()))


class Voice:
    """What one choice says."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._asides: dict[str, list[str]] = {}
        self._calls = Calls()

    def take(self, said: Mapping[str, Any]) -> None:
        if content := content_of(said.get("content")):
            self._content.append(content)
        for name in ASIDES:
            if isinstance(text := said.get(name), str):
                self._asides.setdefault(name, []).append(text)
        self._calls.take(said)

    @property
    def content(self) -> str:
        return "".join(self._content)

    @property
    def calls_only(self) -> bool:
        """Return whether it calls tools and says nothing."""
        called = self._calls.tools.tool_calls or self._calls.function.tool_calls
        return bool(called) and not self.content.strip()

    def texts(self) -> list[str]:
        calls = [*self._calls.tools.tool_calls, *self._calls.function.tool_calls]
        texts = [
            self.content,
            *("".join(pieces) for pieces in self._asides.values()),
            *(f"{call.name}\n{unescaped(call.arguments)}" for call in calls),
        ]
        return [text for text in texts if text.strip()]
