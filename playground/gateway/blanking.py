"""Blank out entities in what models are asked and in what they answer, wherever text may stand.

In an answer the text of each choice and member goes through a redactor of its own. What it holds
back comes with the next event, or in one of its own before the choice ends. Arguments of tools are
held until they are whole, as a blank in the middle of JSON must leave it JSON. Members that are
neither text nor known to hold none are left out: they could carry what the text may not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from playground.gateway.chat import Chunk, Gathering
from playground.gateway.events import Event
from playground.gateway.guardrails.entities import Entity, redact
from playground.gateway.guardrails.streaming import StreamRedactor
from playground.gateway.providers.numbering import Numbering

# Members of a message that say nothing of their own.
_PLAIN = frozenset(("role", "name", "tool_call_id", "id", "type", "index"))


def texts_of(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield every text of the messages, the arguments of tool calls included."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
        for call in message.get("tool_calls") or ():
            arguments = (call.get("function") or {}).get("arguments")
            if isinstance(arguments, str):
                yield arguments


def blanked_messages(
    messages: Sequence[dict[str, Any]], kinds: frozenset[Entity], found: Counter[Entity]
) -> list[dict[str, Any]]:
    """Return the messages without entities of these kinds, which are counted into ``found``."""
    return [_blanked_message(message, kinds, found) for message in messages]


def _blanked_message(
    message: dict[str, Any], kinds: frozenset[Entity], found: Counter[Entity]
) -> dict[str, Any]:
    said = dict(message)
    content = said.get("content")
    if isinstance(content, str):
        said["content"] = _blanked(content, kinds, found)
    elif isinstance(content, list):
        said["content"] = [
            {**part, "text": _blanked(part["text"], kinds, found)}
            if isinstance(part, dict) and isinstance(part.get("text"), str)
            else part
            for part in content
        ]
    if calls := said.get("tool_calls"):
        said["tool_calls"] = [_blanked_call(call, kinds, found) for call in calls]
    return said


def _blanked(text: str, kinds: frozenset[Entity], found: Counter[Entity]) -> str:
    clean, findings = redact(text, kinds)
    found.update(finding.kind for finding in findings)
    return clean


def _blanked_call(call: Any, kinds: frozenset[Entity], found: Counter[Entity]) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    arguments = blanked_json(function["arguments"], kinds, found)
    return {**call, "function": {**function, "arguments": arguments}}


def blanked_json(text: str, kinds: frozenset[Entity], found: Counter[Entity]) -> str:
    """Blank out entities in JSON and leave it JSON; in anything else as in text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _blanked(text, kinds, found)
    before = found.total()
    clean = _blanked_value(value, kinds, found)
    return text if found.total() == before else orjson.dumps(clean).decode()


def _blanked_value(value: Any, kinds: frozenset[Entity], found: Counter[Entity]) -> Any:
    match value:
        case str():
            return _blanked(value, kinds, found)
        case bool() | None:
            return value
        case int() | float():
            clean = _blanked(str(value), kinds, found)
            return value if clean == str(value) else clean
        case list():
            return [_blanked_value(each, kinds, found) for each in value]
        case dict():
            return {
                _blanked(name, kinds, found): _blanked_value(each, kinds, found)
                for name, each in value.items()
            }
    return value


class Blanking:
    """Blank out entities in the events of one answer; ``findings`` counts them."""

    def __init__(self, kinds: frozenset[Entity]) -> None:
        self.findings: Counter[Entity] = Counter()
        self._kinds = kinds
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}

    def take(self, event: Event, *, streamed: bool) -> list[Event]:
        """Return what may be passed on now that this event has come: itself, or nothing yet."""
        if not self._kinds or not event.choices:
            return [event]
        if not streamed:
            choices = [self._whole(choice) for choice in event.choices]
            return [Event({**event.body, "choices": choices})]
        self._head = event.body
        choices = [self._choice(choice.get("index") or 0).take(choice) for choice in event.choices]
        says = any(each["finish_reason"] or any(each["delta"].values()) for each in choices)
        return [Event({**event.body, "choices": choices})] if says else []

    def rest(self) -> list[Event]:
        """Return what is still held where the answer ends without saying so."""
        rests = [(index, choice.rest()) for index, choice in self._choices.items()]
        choices = [
            {"index": index, "delta": delta, "finish_reason": None}
            for index, delta in rests
            if delta
        ]
        return [Event({**self._head, "choices": choices})] if choices else []

    def _choice(self, index: int) -> "_Choice":
        return self._choices.setdefault(index, _Choice(self._kinds, self.findings))

    def _whole(self, choice: dict[str, Any]) -> dict[str, Any]:
        message = _blanked_message(
            {
                name: value
                for name, value in (choice.get("message") or {}).items()
                if name in ("tool_calls", "content") or not isinstance(value, list | dict)
            },
            self._kinds,
            self.findings,
        )
        for name, value in message.items():
            if isinstance(value, str) and name not in _PLAIN and name != "content":
                message[name] = _blanked(value, self._kinds, self.findings)
        return {**choice, "message": message, "logprobs": None}


class _Choice:
    """One choice of a streamed answer."""

    def __init__(self, kinds: frozenset[Entity], findings: Counter[Entity]) -> None:
        self._kinds = kinds
        self._findings = findings
        self._texts: dict[str, StreamRedactor] = {}
        self._numbering = Numbering()
        self._calls = Gathering()

    def take(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Return the choice with what may be seen of it."""
        delta: dict[str, Any] = {}
        for name, value in (choice.get("delta") or {}).items():
            if value is None or name in _PLAIN:
                delta[name] = value
            elif isinstance(value, str):
                delta[name] = self._text(name, value)
            elif name == "tool_calls":
                self._calls.add(Chunk(tool_calls=self._numbering.deltas(value)))
        finish = choice.get("finish_reason")
        if finish:
            for name, tail in self.rest().items():
                delta[name] = (delta.get(name) or "") + tail if isinstance(tail, str) else tail
        return {**choice, "delta": delta, "logprobs": None, "finish_reason": finish}

    def rest(self) -> dict[str, Any]:
        """Return what is held of texts and tool calls; nothing is held after it."""
        held: dict[str, Any] = {
            name: tail for name, text in self._texts.items() if (tail := self._end(text))
        }
        if self._calls.tool_calls:
            held["tool_calls"] = [
                {
                    "index": index,
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": blanked_json(call.arguments, self._kinds, self._findings),
                    },
                }
                for index, call in enumerate(self._calls.tool_calls)
            ]
            self._calls = Gathering()
        return held

    def _text(self, name: str, value: str) -> str:
        known = self._texts.get(name)
        if known is None:
            known = self._texts[name] = StreamRedactor(self._kinds)
        said = known.feed(value)
        self._count(known)
        return said

    def _end(self, text: StreamRedactor) -> str:
        tail = text.end()
        self._count(text)
        return tail

    def _count(self, text: StreamRedactor) -> None:
        if text.findings:
            self._findings.update(text.findings)
            text.findings.clear()
