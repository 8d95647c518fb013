"""Hold a call to the rules of its team: what goes in, and what comes out.

Entities (personal data, secrets) are blanked out or stop the call while it streams; whatever needs
the whole answer waits for it only where it may stop the call, else it tells afterwards. What was
found is told by kind and number, never by its text. Entities are looked for first, then blanked
out, and guard models read what is left.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from playground.core import spans
from playground.core.asking import in_thread
from playground.core.context import RequestContext
from playground.core.errors import PolicyDenied
from playground.core.offloading import aside
from playground.core.spans import SpanKind
from playground.gateway import deciding
from playground.gateway.blanking import Blanking
from playground.gateway.configuration import Rule
from playground.gateway.deciding import Judge
from playground.gateway.events import Event
from playground.gateway.guardrails.covering import Cover
from playground.gateway.guardrails.entities import Entity
from playground.gateway.guardrails.walking import heard, visited
from playground.gateway.hearing import Heard
from playground.gateway.ruling import GROUPS, kinds_of, named
from playground.policy import auditing

# Longer texts are searched in a thread, so that other calls do not wait.
LONG_CHARS = 20_000


class Blocked(PolicyDenied):
    """A rule stopped the call."""

    def __init__(self, rule: Rule, stage: str, why: str) -> None:
        where = "what goes in" if stage == "input" else "what comes out"
        super().__init__(
            "guardrail.blocked",
            f"The rule “{rule.name}” blocks this call: {why} in {where}.",
            http_status=400,
            rule=rule.name,
            stage=stage,
        )
        self.rule = rule


@dataclass
class Guard:
    """The rules of one call, and what they found."""

    context: RequestContext
    model: str
    rules: Sequence[Rule]
    judge: Judge
    noted: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rules)

    async def asked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Check what goes in; return the body as the model may get it.

        Raises:
            Blocked: a rule stops the call.
        """
        rules, kept, size = self._at("input"), dict(body), _size_of(body)
        for rule in rules:
            if rule.check in GROUPS and rule.action != "redact":
                cover = Cover(kinds_of([rule]), names=True)
                await aside(size > LONG_CHARS, visited, kept, cover)
                await self._found(rule, "input", named(cover.found, kinds_of([rule])))
        redacting = [rule for rule in rules if rule.action == "redact"]
        if redacting:
            cover = Cover(kinds_of(redacting))
            kept = await aside(size > LONG_CHARS, visited, kept, cover)
            for rule in redacting:
                self._note(rule, "input", named(cover.found, kinds_of([rule])))
        if any(rule.check in deciding.JUDGED for rule in rules):
            texts = await aside(size > LONG_CHARS, heard, kept)
            await self._decide(rules, texts, "input")
        return kept

    async def answered(
        self, events: AsyncGenerator[Event], *, streamed: bool, schema: Mapping[str, Any] | None
    ) -> AsyncGenerator[Event]:
        """Pass on what may come out.

        Raises:
            Blocked: a rule stops the call; what it is about has not been passed on.
            ProviderError: what comes makes no sense.
        """
        rules = self._at("output")
        flagging = [rule for rule in rules if rule.check in GROUPS and rule.action == "flag"]
        whole = [rule for rule in rules if rule.check not in GROUPS]
        holding = any(rule.action == "block" for rule in whole)
        said, shown = Heard(streamed=streamed), Heard(streamed=streamed)
        coming, held = events, list[Event]()
        if flagging:
            coming = _listened(coming, said)
        if any(rule.action != "flag" for rule in rules):
            coming = self._blanked(coming, rules, streamed=streamed)
        if whole:
            coming = _listened(coming, shown)
        async with contextlib.aclosing(coming) as passed:
            async for event in passed:
                if holding:
                    held.append(event)
                else:
                    yield event
        for rule in flagging:
            cover = Cover(kinds_of([rule]))
            await aside(said.chars > LONG_CHARS, cover.each, said.texts())
            await self._found(rule, "output", named(cover.found, kinds_of([rule])))
        await self._decide(whole, shown.texts(), "output")
        await self._fit([rule for rule in whole if rule.check == "schema"], schema, shown)
        for event in held:
            yield event

    async def _blanked(
        self, events: AsyncGenerator[Event], rules: Sequence[Rule], *, streamed: bool
    ) -> AsyncGenerator[Event]:
        """Yield the events without what must not come out."""
        redacting = [rule for rule in rules if rule.action == "redact"]
        stopping = {
            kind: rule for rule in rules if rule.action == "block" for kind in kinds_of([rule])
        }
        blanking = Blanking(kinds_of(redacting) | stopping.keys(), streamed=streamed)
        async with contextlib.aclosing(events) as coming:
            async for event in coming:
                shown = await aside(blanking.weight(event) > LONG_CHARS, blanking.take, event)
                await self._stop(blanking.findings, stopping)
                if shown is not None:
                    yield shown
        rest = await aside(blanking.held_chars > LONG_CHARS, blanking.rest)
        await self._stop(blanking.findings, stopping)
        if rest is not None:
            yield rest
        for rule in redacting:
            self._note(rule, "output", named(blanking.findings, kinds_of([rule])))

    def _at(self, stage: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.stage in (stage, "both")]

    async def _decide(self, rules: Sequence[Rule], texts: Sequence[str], stage: str) -> None:
        for rule in rules:
            if texts and rule.check in deciding.JUDGED:
                why = await deciding.against(rule, texts, team=self.context.team, judge=self.judge)
                await self._found(rule, stage, why)

    async def _fit(
        self, rules: Sequence[Rule], schema: Mapping[str, Any] | None, shown: Heard
    ) -> None:
        """Hold the answer of each choice against the schema; one that says nothing has none."""
        texts = [each.content for each in shown.voices.values() if not each.calls_only]
        for rule in rules:
            for text in texts if shown.voices else [""]:
                why = await asyncio.to_thread(deciding.misfit, rule, schema, text)
                await self._found(rule, "output", why)

    async def _stop(self, found: Counter[Entity], stopping: Mapping[Entity, Rule]) -> None:
        for kind in found.keys() & stopping.keys() if found else ():
            await self._found(stopping[kind], "output", named(found, {kind}))

    async def _found(self, rule: Rule, stage: str, why: str) -> None:
        if not why:
            return
        self._note(rule, stage, why)
        if rule.action == "block":
            await in_thread(
                auditing.record,
                self.context,
                action="invoke",
                resource=f"model:{self.model}",
                outcome="denied",
                reasons=[f"guardrail {rule.name}"],
                details={"check": rule.check, "stage": stage},
            )
            raise Blocked(rule, stage, why)

    def _note(self, rule: Rule, stage: str, why: str) -> None:
        if not why:
            return
        self.noted.append(f"{rule.name}={rule.action}")
        attributes = {
            "playground.guardrail.rule": rule.name,
            "playground.guardrail.check": rule.check,
            "playground.guardrail.stage": stage,
            "playground.guardrail.action": rule.action,
            "playground.guardrail.found": why,
        }
        with spans.span(f"guardrail {rule.name}", SpanKind.GUARDRAIL, attributes=attributes):
            pass


async def _listened(events: AsyncGenerator[Event], heard: Heard) -> AsyncGenerator[Event]:
    """Yield the events when they have been heard."""
    async with contextlib.aclosing(events) as coming:
        async for event in coming:
            heard.take(event)
            yield event


def _size_of(body: Mapping[str, Any]) -> int:
    try:
        return len(orjson.dumps(dict(body)))
    except TypeError:
        # Not all that programs here put into it is JSON as it stands.
        return LONG_CHARS + 1
