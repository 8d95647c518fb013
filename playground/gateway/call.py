"""One call while it is answered, and what is told of it: in its span and in the ledger."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.core.context import RequestContext
from playground.core.spans import Span
from playground.gateway.attempting import Attempts
from playground.gateway.chat import ChatRequest
from playground.gateway.configuration import Route
from playground.gateway.events import Event, Said
from playground.gateway.metering import Used


@dataclass
class Call:
    """One call while it is answered.

    Attributes:
        body: what the caller sent, as endpoints get it but for the model's name.
        span: of the model call; what was asked is written into it once the checks have passed.
        key: id of the API key it came with, empty for none.
        headers: what the answer's head should tell, known before the first event.
        heard: what the model said, and what is paid for.
        said: what the caller gets of it, which is less where rules hold some of it back.
        asked: the last message's text, as far as it may be seen in traces.
        judging: it is a guard model's own call, to which no rules apply.
        observed: what a prompt wants its observers to know the call by.
        last_words: what the last event added to the first choice's text.
        used: what it took, known when it is settled, as is what it cost.
    """

    context: RequestContext
    request: ChatRequest
    body: dict[str, Any]
    span: Span
    key: str = ""
    streamed: bool = True
    choices: int = 1
    operation: str = "chat"
    headers: dict[str, str] = field(default_factory=dict)
    attempts: Attempts = field(default_factory=Attempts)
    heard: Said = field(default_factory=Said)
    said: Said = field(default_factory=Said)
    asked: str = ""
    last_words: str = ""
    from_cache: bool = False
    blocked_by: str = ""
    judging: bool = False
    observed: Mapping[str, Any] | None = None
    first_token_ms: float | None = None
    begun: float = field(default_factory=time.perf_counter)
    took_ms: float = 0.0
    used: Used | None = None
    cost_micro_usd: int | None = None
    _heard_words: str = ""

    @property
    def provider(self) -> str:
        """Return the name of the endpoint that answers, empty before one does."""
        return self.attempts.model.server.name if self.attempts.model else ""

    def tell_what_was_asked(self) -> None:
        """Write into the span what the model is asked, now that the checks have passed."""
        request = self.request
        told = {"messages": list(request.messages), "tools": list(request.tools or ())}
        form = {"response_format": request.response_format} if request.response_format else {}
        self.span.input(told | form)
        last = request.messages[-1].get("content") if request.messages else ""
        self.asked = last if isinstance(last, str) else ""

    def hear(self, event: Event) -> None:
        """Note what the model says."""
        self._heard_words = self.heard.take(event)

    def take(self, event: Event) -> None:
        """Note what the caller gets."""
        # Where nothing is held back both are one, and no event is read twice.
        one = self.said is self.heard
        self.last_words = self._heard_words if one else self.said.take(event)
        if self.last_words and self.first_token_ms is None:
            self.first_token_ms = (time.perf_counter() - self.begun) * 1000

    def opened(self, route: Route) -> dict[str, Any]:
        """Return what the ledger can know from the start."""
        context = self.context
        return {
            "team": context.team,
            "key_id": self.key,
            "subject": context.subject,
            "actor": context.actor or "",
            "purpose": context.purpose,
            "training_consent": context.training_consent,
            "request_id": context.request_id or "",
            "trace_id": self.span.trace_id,
            "operation": self.operation,
            "model": self.request.model,
            "route": route.name,
            "streamed": self.streamed,
            **({"observed": dict(self.observed)} if self.observed else {}),
        }

    def closed(self, code: str) -> dict[str, Any]:
        """Return what the ledger learns at the end, but for the tokens."""
        return {
            "error_code": code,
            "blocked_by": self.blocked_by,
            "attempts": len(self.attempts.made),
            "from_cache": self.from_cache,
            "first_token_ms": self.first_token_ms,
        }

    def tell(self, used: Used, cost_micro_usd: int | None) -> None:
        """Write into the span how the call was served."""
        self.used, self.cost_micro_usd = used, cost_micro_usd
        self.took_ms = (time.perf_counter() - self.begun) * 1000
        attempts = self.attempts
        told: dict[str, Any] = {"playground.route.attempts": len(attempts.made)}
        if model := attempts.model:
            told["gen_ai.provider.name"] = model.server.name
            told["playground.route.model"] = model.id
        failed = [f"{name}: {code}" for name, code in attempts.made if code]
        if failed:
            told["playground.route.failed"] = failed
        if used.tokens:
            told["gen_ai.usage.input_tokens"] = used.input_tokens
            told["gen_ai.usage.output_tokens"] = used.output_tokens
            if used.cached_tokens:
                told["gen_ai.usage.cache_read.input_tokens"] = used.cached_tokens
            if used.counted_here:
                told["playground.usage.counted_here"] = True
        if cost_micro_usd is not None:
            told["playground.cost_usd"] = cost_micro_usd / 1_000_000
        self.span.conclude(attributes=told)
