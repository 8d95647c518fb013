"""Decide whether whole texts keep a rule, and remember what was decided about them.

A conversation comes again with every turn, and its caller writes all of it: each turn is decided
upon, for injections and topics only once in a process under one version of the configuration. A
guard model reads the conversation as a whole, so it is asked again when a turn is added. What is
remembered is a hash of the text, never the text.
"""

import asyncio
import functools
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from playground.gateway import embeddings, watching
from playground.gateway.configuration import Rule
from playground.gateway.guardrails.injection import score
from playground.gateway.guardrails.schemas import violations
from playground.gateway.guardrails.topics import MARGIN, Topics, windows
from playground.gateway.judging import MAX_CHARS, Unjudged

Judge = Callable[[Rule, str], Awaitable[bool]]
"""Asks a guard model whether a text is safe. Raises ``Unjudged``."""

JUDGED = frozenset(("injection", "topics", "judge"))
MAX_WINDOWS = 256
"""Windows of texts in one call that are compared with topics each on its own: a few seconds."""
MAX_PIECES = 20
"""Pieces of one text that a guard model is asked about."""
_OVERLAP = 1000


class Verdicts:
    """What was decided, the latest so many: nothing, or what is held against a text."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._known: OrderedDict[bytes, str] = OrderedDict()
        # Agents call models from a loop in another thread.
        self._lock = threading.Lock()

    def of(self, name: bytes) -> str | None:
        """Return the verdict, None where it is not known."""
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
            return self._known.get(name)

    def keep(self, name: bytes, why: str) -> None:
        """Remember it."""
        with self._lock:
            self._known[name] = why
            while len(self._known) > self._most:
                self._known.popitem(last=False)


verdicts = Verdicts()


async def against(rule: Rule, texts: Sequence[str], *, team: str, judge: Judge) -> str:
    """Return what a rule of the checks ``JUDGED`` has against the texts, empty for nothing."""
    known = await watching.in_force()
    settings = orjson.dumps(
        [str(known.version), team, rule.check, dict(rule.settings)], option=orjson.OPT_SORT_KEYS
    )
    if rule.check == "judge":
        return await _judged(rule, "\n\n".join(texts), settings, judge)
    unknown: dict[bytes, str] = {}
    for text in texts:
        name = _name(settings, text)
        why = verdicts.of(name)
        if why:
            return why
        if why is None:
            unknown[name] = text
    if not unknown:
        return ""
    deciding = functools.partial(_decided, rule, unknown)
    beside = embeddings.in_turn if rule.check == "topics" else asyncio.to_thread
    return await beside(deciding)


def misfit(rule: Rule, asked: Mapping[str, Any] | None, text: str) -> str:
    """Return how a text does not fit the schema of the rule, or else the one asked for."""
    wanted = rule.settings.get("schema") or asked
    faults = violations(wanted, text) if wanted else []
    return f"an answer that does not fit its schema ({'; '.join(faults[:3])})" if faults else ""


def _name(settings: bytes, text: str) -> bytes:
    digest = hashlib.sha256(settings)
    digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.digest()


def _decided(rule: Rule, texts: Mapping[bytes, str]) -> str:
    why_not = _injected if rule.check == "injection" else _on_topic
    alone, together = dict(texts), ""
    if rule.check == "topics":
        alone, together = _divided(texts)
    for name, text in alone.items():
        why = why_not(rule.settings, text)
        verdicts.keep(name, why)
        if why:
            return why
    return why_not(rule.settings, together) if together else ""


def _divided(texts: Mapping[bytes, str]) -> tuple[dict[bytes, str], str]:
    """Return the newest texts, which get a look of their own, and the others as one."""
    alone: dict[bytes, str] = {}
    left, older = MAX_WINDOWS, list(texts.items())
    while older and (left := left - len(windows(older[-1][1]))) >= 0:
        name, text = older.pop()
        alone[name] = text
    return alone, "\n".join(text for _, text in older)


def _injected(settings: Mapping[str, Any], text: str) -> str:
    scored = score(text)
    if scored.score < float(settings.get("threshold", 0.5)):
        return ""
    return f"a prompt injection ({', '.join(scored.signals)})"


def _on_topic(settings: Mapping[str, Any], text: str) -> str:
    nearest = _topics(orjson.dumps(dict(settings))).nearest(text)
    return f"the topic {nearest.name}" if nearest is not None and nearest.banned else ""


@functools.lru_cache(maxsize=64)
def _topics(settings: bytes) -> Topics:
    told = orjson.loads(settings)
    embed = functools.partial(embeddings.embed, kind="query")
    return Topics(told.get("topics") or {}, embed, margin=float(told.get("margin") or MARGIN))


async def _judged(rule: Rule, text: str, settings: bytes, judge: Judge) -> str:
    """Ask about all of a text, piece by piece where it is long; one is not split between them."""
    step = MAX_CHARS - _OVERLAP
    pieces = [text[at : at + MAX_CHARS] for at in range(0, max(1, len(text) - _OVERLAP), step)]
    if len(pieces) > MAX_PIECES:
        # Nobody reads that much: the model is left to say that it cannot.
        pieces = [text]
    for piece in pieces:
        name = _name(settings, piece)
        why = verdicts.of(name)
        if why is None:
            try:
                why = "" if await judge(rule, piece) else "what the guard model holds unsafe"
            except Unjudged as unjudged:
                if not unjudged.is_safe:
                    return "what the guard model holds unsafe"
                continue
            verdicts.keep(name, why)
        if why:
            return why
    return ""
