"""Tell which rules hold for a call, and what they look for."""

import functools
from collections.abc import Collection, Iterable, Mapping

from playground.gateway.configuration import Rule
from playground.gateway.guardrails.entities import PII, SECRETS, Entity

GROUPS = {"pii": PII, "secrets": SECRETS}
"""The checks that look for entities."""


def in_force(rules: Iterable[Rule], *, reached: Collection[str] = ()) -> list[Rule]:
    """Return the rules that hold: an ``allow`` takes back the less particular ones of its check.

    One for a model that is only one of those ``reached`` takes back what is said of that model
    alone: another may answer in its place.

    Args:
        rules: those of the team and of the models that the call names or may reach.
        reached: ids of the models that may answer.
    """
    known = list(rules)
    allowing = [rule for rule in known if rule.action == "allow"]
    return [
        rule
        for rule in known
        if rule.action != "allow" and not any(_frees(each, rule, reached) for each in allowing)
    ]


def _frees(allow: Rule, rule: Rule, reached: Collection[str]) -> bool:
    if allow.check != rule.check or allow.stage not in ("both", rule.stage):
        return False
    others = set(reached) - {allow.model}
    if allow.model in reached and allow.model != rule.model and others:
        return False
    return _particular(allow) > _particular(rule)


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
