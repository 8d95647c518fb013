"""Let out of an answer only what is known, entities blanked out.

Each event is made anew of the members that are known: numbers that are numbers, words that are
known, and texts. In a stream the texts of each choice go through redactors of their own. What they
hold back comes with the next event, or in one of its own before the choice ends. Calls of tools are
held until they are whole, as a blank in the middle of JSON must leave it JSON. All else is left
out: it could carry what the text may not.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from playground.gateway.chat import ASIDES, MOST_TOKENS, Gathering, ToolCall
from playground.gateway.events import Event
from playground.gateway.guardrails.covering import Cover
from playground.gateway.guardrails.entities import Entity
from playground.gateway.guardrails.streaming import StreamRedactor
from playground.gateway.hearing import Calls, by_choice, content_of
from playground.gateway.providers.failing import garbage

ROLES = frozenset("assistant user system developer tool function model".split())
FINISHES = frozenset(
    "stop length tool_calls function_call content_filter abort error eos eos_token stop_sequence "
    "end_turn max_tokens model_length tool_use insufficient_system_resource safety "
    "recitation".split()
)
TIERS = frozenset("auto default flex priority scale standard standard_only batch".split())
TOKENS = frozenset(
    "prompt_tokens completion_tokens total_tokens input_tokens output_tokens cached_tokens "
    "audio_tokens text_tokens image_tokens reasoning_tokens accepted_prediction_tokens "
    "rejected_prediction_tokens cache_write_tokens prompt_cache_hit_tokens "
    "prompt_cache_miss_tokens".split()
)
_DETAILS = frozenset(
    "prompt_tokens_details completion_tokens_details input_tokens_details "
    "output_tokens_details".split()
)
# In seconds: the number of a card is longer than any time.
_LATEST = 10**11
_HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")


class Blanking:
    """Make the events of one answer anew; ``findings`` counts the entities.

    Args:
        kinds: the entities to blank out.
        streamed: whether the answer comes in pieces.
    """

    def __init__(self, kinds: frozenset[Entity], *, streamed: bool) -> None:
        self._kinds = kinds
        self._streamed = streamed
        self._cover = Cover(kinds)
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._told: set[str] = set()

    @property
    def findings(self) -> Counter[Entity]:
        """Return how many of each kind were found; never their text."""
        return self._cover.found

    def weight(self, event: Event) -> int:
        """Return about how many characters the event makes this read."""
        try:
            size = len(event.encoded())
        except TypeError:
            size = 0
        return size + self.held_chars

    @property
    def held_chars(self) -> int:
        """Return how long the calls are that are held."""
        return sum(choice.held_chars for choice in self._choices.values())

    def take(self, event: Event) -> Event | None:
        """Return what may be passed on now that this event has come, None for nothing yet.

        Raises:
            ProviderError: the event makes no sense.
        """
        self._read_head(event.body)
        told = by_choice(event, streamed=self._streamed)
        usage = _usage(event.body.get("usage"))
        if not self._streamed:
            return self._event(
                [self._whole(index, choice, said) for index, choice, said in told], usage
            )
        choices = []
        for index, choice, said in told:
            known = self._choices.get(index)
            if known is None:
                known = self._choices[index] = _Choice(self._kinds, self._cover)
            delta, finish = known.take(said, choice.get("finish_reason"))
            if delta or finish:
                choices.append({"index": index, "delta": delta, "finish_reason": finish})
        return self._event(choices, usage) if choices or usage else None

    def rest(self) -> Event | None:
        """Return what is still held where the answer ends without saying so."""
        rests = [(index, choice.rest()) for index, choice in self._choices.items()]
        choices = [
            {"index": index, "delta": delta, "finish_reason": None}
            for index, delta in rests
            if delta
        ]
        return self._event(choices, None) if choices else None

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> Event:
        body = {**self._head, "choices": choices}
        if usage:
            body["usage"] = usage
        return Event(body)

    def _read_head(self, body: Mapping[str, Any]) -> None:
        """Keep what the answer first tells of itself: told anew in pieces it could spell a text."""
        kind = "chat.completion.chunk" if self._streamed else "chat.completion"
        for name in _HEAD:
            value = body.get(name)
            # Azure's first event, about its filter, has them empty.
            if not value or name in self._told:
                continue
            self._told.add(name)
            match name:
                case "created" if (at := _count(value, _LATEST)) is not None:
                    self._head[name] = at
                case "service_tier" if isinstance(value, str) and value in TIERS:
                    self._head[name] = value
                case "id" | "model" | "system_fingerprint" if isinstance(value, str):
                    self._head[name] = self._cover.text(value)
        self._head["object"] = kind

    def _whole(self, index: int, choice: Mapping[str, Any], said: Mapping[str, Any]) -> Any:
        message: dict[str, Any] = {"role": _known(said.get("role"), ROLES) or "assistant"}
        content = content_of(said.get("content"))
        message["content"] = content and self._cover.text(content)
        for name in ASIDES:
            if isinstance(text := said.get(name), str):
                message[name] = self._cover.text(text)
        calls = Calls()
        calls.take(said)
        message |= _called(calls, self._cover, streamed=False)
        finish = choice.get("finish_reason")
        return {"index": index, "message": message, "finish_reason": finish and _finish(finish)}


class _Choice:
    """One choice of a streamed answer."""

    def __init__(self, kinds: frozenset[Entity], cover: Cover) -> None:
        self._kinds = kinds
        self._cover = cover
        self._texts: dict[str, StreamRedactor] = {}
        self._calls = Calls()
        self._ended = False

    @property
    def held_chars(self) -> int:
        return self._calls.chars

    def take(self, said: Mapping[str, Any], finish: Any) -> tuple[dict[str, Any], str | None]:
        """Return the delta with what may be seen of it, and why it ends.

        What comes after its end is left out: it could be the rest of what was passed on.
        """
        delta: dict[str, Any] = {}
        if self._ended:
            return delta, None
        if (role := said.get("role")) is not None and (role := _known(role, ROLES)):
            delta["role"] = role
        if content := content_of(said.get("content")):
            if shown := self._text("content", content):
                delta["content"] = shown
        elif content is not None and role:
            delta["content"] = ""
        for name in ASIDES:
            text = said.get(name)
            if isinstance(text, str) and (shown := self._text(name, text)):
                delta[name] = shown
        self._calls.take(said)
        if not finish:
            return delta, None
        self._ended = True
        for name, tail in self.rest().items():
            delta[name] = (delta.get(name) or "") + tail if isinstance(tail, str) else tail
        return delta, _finish(finish)

    def rest(self) -> dict[str, Any]:
        """Return what is held of texts and tool calls; nothing is held after it."""
        held = {name: tail for name, text in self._texts.items() if (tail := self._end(text))}
        calls, self._calls = self._calls, Calls()
        return held | _called(calls, self._cover, streamed=True)

    def _text(self, name: str, text: str) -> str:
        if not self._kinds:
            return text
        known = self._texts.get(name)
        if known is None:
            known = self._texts[name] = StreamRedactor(self._kinds)
        said = known.feed(text)
        if known.findings:
            self._count(known)
        return said

    def _end(self, text: StreamRedactor) -> str:
        tail = text.end()
        self._count(text)
        return tail

    def _count(self, text: StreamRedactor) -> None:
        self._cover.found.update(text.findings)
        text.findings.clear()


def _called(calls: Calls, cover: Cover, *, streamed: bool) -> dict[str, Any]:
    """Return the members of a message that call tools, if it does."""
    told: dict[str, Any] = {}
    if listed := _named(calls.tools):
        told["tool_calls"] = [
            {
                **({"index": index} if streamed else {}),
                "id": call.id if cover.text(call.id) == call.id else f"call_{index}",
                "type": "function",
                "function": _function(call, cover),
            }
            for index, call in enumerate(listed)
        ]
    if listed := _named(calls.function):
        told["function_call"] = _function(listed[0], cover)
    return told


def _named(calls: Gathering) -> list[ToolCall]:
    return [call for call in calls.tool_calls if call.name or call.arguments]


def _function(call: ToolCall, cover: Cover) -> dict[str, str]:
    return {"name": cover.text(call.name), "arguments": cover.arguments(call.arguments)}


def _known(word: Any, words: frozenset[str]) -> str:
    return word if isinstance(word, str) and word in words else ""


def _finish(reason: Any) -> str:
    if not isinstance(reason, str):
        raise garbage("its answer could not be read")
    return _known(reason.lower(), FINISHES) or "stop"


def _count(value: Any, most: int) -> int | None:
    if type(value) not in (int, float) or not 0 <= value <= most or value != int(value):
        return None
    return int(value)


def _usage(told: Any) -> dict[str, Any] | None:
    """Return the numbers of tokens, and those that say more of them."""
    if not isinstance(told, dict):
        return None
    details = {
        name: _counts(told[name]) for name in told.keys() & _DETAILS if isinstance(told[name], dict)
    }
    return _counts(told) | details or None


def _counts(told: Mapping[str, Any]) -> dict[str, Any]:
    counted = {name: _count(told[name], MOST_TOKENS) for name in told.keys() & TOKENS}
    return {name: count for name, count in counted.items() if count is not None}
