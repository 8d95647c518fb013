"""Hold a call to the rules of its team: what goes in, and what comes out.

Entities (personal data, secrets) are blanked out or stop the call while it streams; whatever needs
the whole answer waits for it only where it may stop the call, else it tells afterwards. What was
found is told by kind and number, never by its text.
"""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from playground.core import spans
from playground.core.asking import in_thread
from playground.core.context import RequestContext
from playground.core.errors import PolicyDenied
from playground.core.spans import SpanKind
from playground.gateway import embeddings
from playground.gateway.blanking import Blanking, blanked_messages, texts_of
from playground.gateway.configuration import Rule
from playground.gateway.events import Event, Said
from playground.gateway.guardrails.entities import PII, SECRETS, Entity, find
from playground.gateway.guardrails.injection import score
from playground.gateway.guardrails.schemas import violations
from playground.gateway.guardrails.topics import MARGIN, Topics
from playground.policy import auditing

# Longer texts are searched in a thread, so that other calls do not wait.
LONG_CHARS = 20_000
_GROUPS = {"pii": PII, "secrets": SECRETS}

Judge = Callable[[Rule, str], Awaitable[bool]]


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
    """The rules of one call, and what they found.

    ``judge`` asks a guard model whether a text is safe.
    """

    context: RequestContext
    model: str
    rules: Sequence[Rule]
    judge: Judge
    noted: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rules)

    async def asked(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Check what goes in; return the messages as the model may get them.

        Raises:
            Blocked: a rule stops the call.
        """
        rules = self._at("input")
        kept = [dict(message) for message in messages]
        texts = list(texts_of(kept))
        await self._search(rules, texts, "input")
        await self._judge_whole(rules, "\n\n".join(texts_of(_new(kept))), "input", None)
        blanked = _kinds(rule for rule in rules if rule.action == "redact")
        if blanked:
            found: Counter[Entity] = Counter()
            kept = await _maybe_in_thread(texts, blanked_messages, kept, blanked, found)
            for rule in rules:
                if rule.action == "redact":
                    self._note(rule, "input", _named(found, _kinds([rule])))
        return kept

    async def answered(
        self, events: AsyncGenerator[Event], *, streamed: bool, schema: Mapping[str, Any] | None
    ) -> AsyncGenerator[Event]:
        """Pass on what may come out.

        Raises:
            Blocked: a rule stops the call; what it is about has not been passed on.
        """
        rules = self._at("output")
        stopping = {
            kind: rule for rule in rules if rule.action == "block" for kind in _kinds([rule])
        }
        redacting = [rule for rule in rules if rule.action == "redact"]
        blanking = Blanking(_kinds(redacting) | stopping.keys())
        waits = any(rule.action == "block" and rule.check not in _GROUPS for rule in rules)
        flagging = [rule for rule in rules if rule.action == "flag" or rule.check not in _GROUPS]
        said, held = Said(), list[Event]()
        async with contextlib.aclosing(events) as coming:
            async for event in coming:
                for passed in blanking.take(event, streamed=streamed):
                    if blanking.findings and stopping:
                        await self._stop(blanking.findings, stopping)
                    if flagging:
                        said.take(passed)
                    if waits:
                        held.append(passed)
                    else:
                        yield passed
        for passed in blanking.rest():
            await self._stop(blanking.findings, stopping)
            said.take(passed)
            held.append(passed)
        for rule in redacting:
            self._note(rule, "output", _named(blanking.findings, _kinds([rule])))
        text = said.written
        await self._search(flagging, [text], "output")
        called = bool(said.gathered.tool_calls)
        await self._judge_whole(flagging, text, "output", None if called else schema or {})
        for passed in held:
            yield passed

    def _at(self, stage: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.stage in (stage, "both")]

    async def _search(self, rules: Sequence[Rule], texts: Sequence[str], stage: str) -> None:
        """Look for entities that are flagged or stop the call."""
        for rule in rules:
            if rule.check in _GROUPS and rule.action in ("flag", "block"):
                kinds = _kinds([rule])
                found = await _maybe_in_thread(texts, _count, texts, kinds)
                if found:
                    await self._found(rule, stage, _named(found, kinds))

    async def _judge_whole(
        self, rules: Sequence[Rule], text: str, stage: str, schema: Mapping[str, Any] | None
    ) -> None:
        for rule in rules:
            if text and (why := await self._why_not(rule, text, stage, schema)):
                await self._found(rule, stage, why)

    async def _why_not(
        self, rule: Rule, text: str, stage: str, schema: Mapping[str, Any] | None
    ) -> str:
        """Return what the rule has against the text, empty for nothing."""
        told = rule.settings
        match rule.check:
            case "injection":
                scored = await asyncio.to_thread(score, text)
                if scored.score >= float(told.get("threshold", 0.5)):
                    return f"a prompt injection ({', '.join(scored.signals)})"
            case "topics":
                topics = _topics(orjson.dumps(dict(told)))
                nearest = await asyncio.to_thread(topics.nearest, text)
                if nearest is not None and nearest.banned:
                    return f"the topic {nearest.name}"
            case "schema" if stage == "output" and schema is not None:
                wanted = told.get("schema") or schema
                faults = await asyncio.to_thread(violations, wanted, text) if wanted else []
                if faults:
                    return f"an answer that does not fit its schema ({'; '.join(faults[:3])})"
            case "judge":
                if not await self.judge(rule, text):
                    return "what the guard model holds unsafe"
        return ""

    async def _stop(self, found: Counter[Entity], stopping: Mapping[Entity, Rule]) -> None:
        for kind in found.keys() & stopping.keys():
            await self._found(stopping[kind], "output", _named(found, {kind}))

    async def _found(self, rule: Rule, stage: str, why: str) -> None:
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


def in_force(rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that hold: an ``allow`` takes back the less particular ones of its check."""
    known = list(rules)
    allowing = [rule for rule in known if rule.action == "allow"]
    return [
        rule
        for rule in known
        if rule.action != "allow"
        and not any(
            allow.check == rule.check
            and allow.stage in ("both", rule.stage)
            and _particular(allow) > _particular(rule)
            for allow in allowing
        )
    ]


def _particular(rule: Rule) -> int:
    return 2 * (rule.team is not None) + bool(rule.model)


def _kinds(rules: Iterable[Rule]) -> frozenset[Entity]:
    kinds: frozenset[Entity] = frozenset()
    for rule in rules:
        kinds |= _chosen(rule.check, tuple(rule.settings.get("kinds") or ()))
    return kinds


@functools.lru_cache(maxsize=256)
def _chosen(check: str, named: tuple[str, ...]) -> frozenset[Entity]:
    group = _GROUPS.get(check, frozenset())
    chosen = frozenset(kind for kind in group if kind.value in named)
    # A name that nobody knows must not make a rule look for less than it says.
    return chosen if len(chosen) == len(set(named)) and named else group


def _named(found: Mapping[Entity, int], kinds: Iterable[Entity]) -> str:
    return ", ".join(f"{kind} ({found[kind]})" for kind in sorted(kinds) if found.get(kind))


def _count(texts: Sequence[str], kinds: frozenset[Entity]) -> Counter[Entity]:
    return Counter(finding.kind for text in texts for finding in find(text, kinds))


def _new(messages: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return what has come since the model last spoke: the rest was judged when it was new."""
    last = max((at for at, m in enumerate(messages) if m.get("role") == "assistant"), default=-1)
    return [m for m in messages[last + 1 :] if m.get("role") not in ("system", "developer")]


async def _maybe_in_thread(texts: Sequence[str], work: Callable[..., Any], *args: Any) -> Any:
    if sum(map(len, texts)) > LONG_CHARS:
        return await asyncio.to_thread(work, *args)
    return work(*args)


@functools.lru_cache(maxsize=64)
def _topics(settings: bytes) -> Topics:
    told = orjson.loads(settings)
    embed = functools.partial(embeddings.embed, kind="query")
    return Topics(told.get("topics") or {}, embed, margin=float(told.get("margin") or MARGIN))
