"""Where a text breaks, what is worth a look, and what goes on over white space."""

import functools
import re
from dataclasses import dataclass

from playground.core.recognising import PROVIDER_PREFIX, SECRET_WORD
from playground.gateway.guardrails.kinds import Entity

TAIL = 280
"""Characters before a gap that decide about it."""

_BREAKS = (
    # White space, and the scripts that write words without it. 密 and 口 are left out: they begin
    # the Chinese words for a password.
    r"\s\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u53e2\u53e4-\u5bc5"
    r"\u5bc7-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff1f"
)
BREAK = re.compile(f"[{_BREAKS}]")
LAST_BREAK = re.compile(f".*[{_BREAKS}]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Gap:
    """Lets a chain go on over white space: how it must end before, and the character after."""

    before: re.Pattern[str]
    after: re.Pattern[str]


def _gap(before: str, after: str) -> Gap:
    return Gap(re.compile(rf"(?s:.*){before}\Z"), re.compile(after))


NUMBER = _gap(r"\d\)?[ \u00a0\u202f](?:[-/–][ \u00a0\u202f])?", r"[\d(+/–-]")
_GAPS: dict[Entity, tuple[Gap, ...]] = {
    Entity.PHONE: (NUMBER,),
    Entity.CARD: (NUMBER,),
    Entity.SSN: (NUMBER,),
    Entity.IBAN: (
        _gap(
            r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ \u00a0-]?[A-Za-z0-9]{4}){0,8}[ \u00a0]",
            r"[A-Za-z0-9]",
        ),
    ),
    Entity.IP: (_gap(r"(?i:version|release) ", r"[vV\d]"),),
    Entity.BEARER: (_gap(r"(?i:bearer)\s{1,3}", r"[\s\w.~+/=-]"),),
    Entity.ASSIGNMENT: (
        _gap(rf"(?i:{SECRET_WORD})[\"']?(?:\s{{1,3}}|(?<=[码令]))", r"[\s:=：\"']"),
        _gap(
            rf"(?i:{SECRET_WORD})[\"']?\s{{0,3}}[:=：]"
            r"\s{0,3}(?:\"[^\"\n]{0,200}|'[^'\n]{0,200})?",
            r"(?s:.)",
        ),
    ),
    Entity.PRIVATE_KEY: (_gap(r"-----BEGIN[A-Z0-9 ]{0,60}", r"[A-Z0-9 ]"),),
}
_HINTS: dict[Entity, str] = {
    Entity.EMAIL: "@",
    Entity.PHONE: r"\d",
    Entity.CARD: r"\d",
    Entity.SSN: r"\d",
    Entity.IBAN: r"\d",
    Entity.IP: r"\d|(?i:version|release)",
    Entity.PROVIDER_KEY: rf"{PROVIDER_PREFIX}|A[KS]IA|AIza|ya29",
    Entity.JWT: "eyJ",
    Entity.PRIVATE_KEY: "-----B",
    Entity.BEARER: "(?i:bearer)",
    Entity.URL_CREDENTIALS: "@",
    Entity.ASSIGNMENT: f"(?i:{SECRET_WORD})",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at for a set of kinds.

    Args:
        kinds: what is looked for.
        hint: found in every word with which an entity or its context can begin.
        gaps: how a chain goes on.
    """

    kinds: frozenset[str]
    hint: re.Pattern[str]
    gaps: tuple[Gap, ...]

    def goes_on(self, text: str, at: int) -> Gap | None:
        """Return the gap over which the chain goes on at ``at``, if it does.

        At the end of the text the next character is not known and may be any.
        """
        last = at == len(text)
        for gap in self.gaps:
            if (last or gap.after.match(text, at)) and gap.before.match(
                text, max(0, at - TAIL), at
            ):
                return gap
        return None


@functools.cache
def plan(kinds: frozenset[Entity]) -> Plan:
    """Return the plan for these kinds."""
    hints = dict.fromkeys(_HINTS[kind] for kind in Entity if kind in kinds)
    gaps = dict.fromkeys(gap for kind in Entity if kind in kinds for gap in _GAPS.get(kind, ()))
    return Plan(frozenset(kinds), re.compile("|".join(hints) or "(?!)"), tuple(gaps))
