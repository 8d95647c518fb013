"""Cut a growing text into chains that can be judged on their own.

A chain begins at a word and ends at the first white space over which nothing that it holds can go
on; a phone number goes on over a space before a digit, ``password:`` over any, ``hello`` over
none. Where a chain ends depends on the text alone and not on the pieces in which it came, so a
stream and its whole text come out the same. Scripts written without spaces break at every
character.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from playground.core.recognising import PASSWORD_WORD, SECRET_WORD, recognise
from playground.gateway.guardrails.entities import Entity, label

WINDOW = 2048
"""Characters of one chain that are looked at together."""
HOLD = 1024
"""Characters of a full window that wait for what follows; no bounded entity is longer."""
NUMBERS = 96
"""Characters of digit groups after which the older ones are judged, keeping the last half."""
_CARRY = 64

_BREAKS = (
    r"\s\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\uff01-\uff0f\uff1a-\uff1f"
)
_BREAK = re.compile(f"[{_BREAKS}]")
_LAST_BREAK = re.compile(f".*[{_BREAKS}]", re.DOTALL)
_THIN = " \u00a0\u202f"
_NUMERIC = frozenset({Entity.PHONE, Entity.CARD, Entity.IBAN, Entity.SSN})


@dataclass(frozen=True, slots=True)
class _Gap:
    """How a chain's end must look for it to go on over white space, and how it then goes on."""

    before: re.Pattern[str]
    after: re.Pattern[str]


_NUMBER = _Gap(re.compile(r".*\d[)]?[ \u00a0\u202f](?:[-/–][ \u00a0\u202f])?\Z", re.DOTALL),
               re.compile(r"[\d(+/–-]"))
_GAPS: dict[Entity, tuple[_Gap, ...]] = {
    Entity.IBAN: (
        _Gap(
            re.compile(r"(?:.*[\W_])?[A-Za-z]{2}\d\d(?:[ \u00a0-]?[A-Za-z0-9]{4})*[ \u00a0]\Z", re.DOTALL),
            re.compile(r"[A-Za-z0-9]"),
        ),
    ),
    Entity.IP: (
        _Gap(re.compile(r"(?is).*(?:version|release) \Z"), re.compile(r"[vV\d]")),
    ),
    Entity.BEARER: (_Gap(re.compile(r"(?is).*bearer\s{1,3}\Z"), re.compile(r"[\s\w.~+/=-]")),),
    Entity.ASSIGNMENT: (
        _Gap(
            re.compile(rf"(?is).*(?:{SECRET_WORD})[\"']?(?:\s{{1,3}}|(?<=[密码口令]))\Z"),
            re.compile(r"[\s:=：\"']"),
        ),
        _Gap(
            re.compile(
                rf"(?is).*(?:{SECRET_WORD})[\"']?\s{{0,3}}[:=：]"
                r"(?:\s{0,3}|\s{0,3}\"[^\"\n]{0,200}|\s{0,3}'[^'\n]{0,200})\Z"
            ),
            re.compile(r".", re.DOTALL),
        ),
    ),
    Entity.PRIVATE_KEY: (
        _Gap(re.compile(r".*-----BEGIN[A-Z0-9 ]{0,40}\Z", re.DOTALL), re.compile(r"[A-Z0-9 ]")),
    ),
}
_KEYS = r"\b(?:sk|pk|rk|pg|hf|gh[opsur]|github_pat|glpat|xox.|npm|pypi|lsv2|gsk|xai|nvapi|whsec" \
        r"|shpat|dop_v1)[_-]|AKIA|ASIA|AIza|ya29"
