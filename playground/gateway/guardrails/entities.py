"""Find sensitive text, or blank it out. ``streaming`` gives the same for text still arriving."""

import re
from collections.abc import Collection

from playground.gateway.guardrails.gaps import plan
from playground.gateway.guardrails.kinds import EVERYTHING, PII, SECRETS, Entity, Finding
from playground.gateway.guardrails.scanning import Scanner

__all__ = ["EVERYTHING", "PII", "SECRETS", "Entity", "Finding", "find", "redact"]


def find(text: str, kinds: Collection[Entity] = EVERYTHING) -> list[Finding]:
    """Return where the text holds entities of these kinds, left to right, without overlap.

    Of ``password=hunter2`` or ``Bearer …`` only the value is the finding. A private key without
    its end marker reaches to the end of the text.
    """
    return redact(text, kinds)[1]


def redact(text: str, kinds: Collection[Entity] = EVERYTHING) -> tuple[str, list[Finding]]:
    """Return the text with each entity replaced by ``[e-mail]`` and so on, and the findings."""
    if _is_harmless(text) or plan(frozenset(kinds)).hint.search(text) is None:
        return text, []
    findings: list[Finding] = []
    scanner = Scanner(kinds, note=findings.append)
    return scanner.feed(text) + scanner.end(), findings


_MARKS = re.compile(r"[@\d_-]")
# What every hint without one of the marks holds, in lower case.
_WORDS = (
    "akia", "asia", "aiza", "eyj", "bearer", "pass", "pwd", "contrase", "key", "密码", "口令",
    "secret", "token", "version", "release",
)  # fmt: skip


def _is_harmless(text: str) -> bool:
    """Tell at a tenth of the price of a search for hints that there can be none."""
    if _MARKS.search(text):
        return False
    folded = text.lower()
    return not any(word in folded for word in _WORDS)
