"""Tell which rules hold for a call, and what they look for."""

import functools
from collections.abc import Iterable, Mapping

from playground.gateway.configuration import Rule
from playground.gateway.guardrails.entities import PII, SECRETS, Entity

GROUPS = {"pii": PII, "secrets": SECRETS}
"""The checks that look for entities."""


def in_force(rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that hold: an ``allow`` takes back the less particular ones of its check."""
    known = list(rules)
    allowing = [rule for rule in known if rule.action == "allow"]
    return [
        rule
        for rule in known
        if rule.action != "allow" and not any(_frees(each, rule) for each in allowing)
    ]


def _frees(allow: Rule, rule: Rule) -> bool:
    return (
        allow.check == rule.check
        and allow.stage in ("both", rule.stage)
        and _particular(allow) > _particular(rule)
    )


def _particular(rule: Rule) -> int:
    return 2 * (rule.team is not None) + bool(rule.model)


def kinds_of(rules: Iterable[Rule]) -> frozenset[Entity]:
    """Return the entities that the rules look for."""
    kinds: frozenset[Entity] = frozenset()
    for rule in rules:
        kinds |= _chosen(rule.check, tuple(rule.settings.get("kinds") or ()))
    return kinds


@functools.lru_cache(maxsize=256)
def _chosen(check: str, named: tuple[str, ...]) -> frozenset[Entity]:
    group = GROUPS.get(check, frozenset())
    chosen = frozenset(kind for kind in group if kind.value in named)
    # A name that nobody knows must not make a rule look for less than it says.
    return chosen if len(chosen) == len(set(named)) and named else group


def named(found: Mapping[Entity, int], kinds: Iterable[Entity]) -> str:
    """Tell how many of these kinds were found."""
    return ", ".join(f"{kind} ({found[kind]})" for kind in sorted(kinds) if found.get(kind))
