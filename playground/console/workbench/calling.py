"""One call of a model for a cell, through the one way that every call takes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from playground.core.context import RequestContext
from playground.gateway import calling, looping
from playground.gateway.answering import answer
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest, Usage
from playground.gateway.events import Reading
from playground.gateway.guardrails import schemas
from playground.gateway.providers.openai_compatible import body_of
from playground.gateway.tokens import count


@dataclass(frozen=True, slots=True)
class Figures:
    """What a turn took; of several calls the sum, but for the first word's.

    Attributes:
        first_token_ms: from the beginning of the first call to its first text.
        total_ms: of the calls, without what the tools took.
        cost_usd: None where a model has no price.
        model: which answered, behind a route or another name.
    """

    calls: int = 0
    first_token_ms: float | None = None
    total_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    finish_reason: str = ""
    model: str = ""
    provider: str = ""

    def and_then(self, other: "Figures") -> "Figures":
        """Return both together."""
        costs = [each.cost_usd for each in (self, other) if each.calls]
        first = self.first_token_ms if self.first_token_ms is not None else other.first_token_ms
        return Figures(
            calls=self.calls + other.calls,
            first_token_ms=first,
            total_ms=self.total_ms + other.total_ms,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if None in costs else sum(each or 0.0 for each in costs),
            finish_reason=other.finish_reason,
            model=other.model or self.model,
            provider=other.provider or self.provider,
        )

    def as_json(self) -> dict[str, Any]:
        """Return them as they are stored."""
        return asdict(self)


@dataclass(slots=True)
class Saying:
    """What a model says, readable while it speaks and after it was cut off."""

    text: str = ""
    message: dict[str, Any] | None = None
    figures: Figures = Figures()


def say(
    context: RequestContext,
    request: ChatRequest,
    saying: Saying,
    *,
    heard: Callable[[str], None],
    cancelled: Callable[[], None],
) -> None:
    """Call the model; ``saying`` holds what came, also where this raises.

    Args:
        heard: gets each piece of the text.
        cancelled: what it raises aborts the call.

    Raises:
        InvalidInput, QuotaExceeded, ProviderError: see ``gateway.calling.stream``.
    """
    reading = Reading()
    with calling.span_of(context, request) as span:
        call = Call(context, request, body_of(request), span)
        try:
            for event in looping.iterate(answer(call), check=cancelled):
                chunk = reading.chunk(event)
                if chunk.text:
                    span.delta(chunk.text)
                    saying.text += chunk.text
                    heard(chunk.text)
        finally:
            calling.answered(span, call.said.gathered)
            saying.message = _message(call)
            saying.figures = _figures(call)


def rendered(messages: Sequence[Mapping[str, Any]], saying: Saying) -> None:
    """Say what would be asked: a message alone as it is, several with their roles."""
    texts = [str(each.get("content") or "") for each in messages]
    if len(texts) > 1:
        texts = [f"{each['role']}:\n{text}" for each, text in zip(messages, texts, strict=True)]
    saying.text = "\n\n".join(texts)
    saying.message = {"role": "assistant", "content": saying.text}
    spent = count(saying.text)
    saying.figures = Figures(calls=1, input_tokens=spent, cost_usd=0.0, finish_reason="rendered")


def verdict(response_format: Mapping[str, Any] | None, text: str) -> dict[str, Any] | None:
    """Hold a text to the response format that was asked for; None where it was none.

    Raises:
        InvalidInput: ``guardrail.schema-refused``.
    """
    kind = (response_format or {}).get("type")
    if kind == "json_schema" and response_format is not None:
        named = response_format.get("json_schema")
        schema = named.get("schema") if isinstance(named, Mapping) else None
        told = schemas.violations(schema if isinstance(schema, Mapping) else {}, text)
        return {"valid": not told, "violations": told}
    if kind == "json_object":
        try:
            is_object = isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            is_object = False
        return {"valid": is_object, "violations": [] if is_object else ["/: not a JSON object"]}
    return None


def _message(call: Call) -> dict[str, Any]:
    gathered = call.said.gathered
    message: dict[str, Any] = {"role": "assistant", "content": gathered.text}
    if gathered.tool_calls:
        message["tool_calls"] = [
            {
                "id": each.id,
                "type": "function",
                "function": {"name": each.name, "arguments": each.arguments},
            }
            for each in gathered.tool_calls
        ]
    return message


def _figures(call: Call) -> Figures:
    gathered, model = call.said.gathered, call.attempts.model
    used = call.used or Usage()
    finish = gathered.finish_reason or ("tool_calls" if gathered.tool_calls else "")
    return Figures(
        calls=1,
        first_token_ms=call.first_token_ms,
        total_ms=call.took_ms,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=None if call.cost_micro_usd is None else call.cost_micro_usd / 1_000_000,
        finish_reason=finish,
        model=model.id if model else call.request.model,
        provider=call.provider,
    )
