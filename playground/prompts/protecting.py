"""The rules of teams about labels: which take a reviewer, and which demand a fragment."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy import auditing
from playground.policy.deciding import Resource, require
from playground.policy.models import Team
from playground.prompts.content import PromptKind
from playground.prompts.finding import PRODUCTION, check_label, find_prompt
from playground.prompts.models import ProtectedLabel, RequiredFragment

PROTECTED_UNLESS_SAID = frozenset((PRODUCTION,))


def is_protected(team: Team, label: str) -> bool:
    """Tell whether moving the label takes a reviewer."""
    said = ProtectedLabel.objects.filter(team=team, name=label).values_list("protected", flat=True)
    rule = said.first()
    return label in PROTECTED_UNLESS_SAID if rule is None else rule


def protected_labels(context: RequestContext) -> list[str]:
    """Return the team's protected labels in alphabetical order."""
    require(context, "view", _rules(context), audit=False)
    said = dict(
        ProtectedLabel.objects.filter(team__slug=context.team).values_list("name", "protected")
    )
    return sorted(
        {name for name in PROTECTED_UNLESS_SAID if said.get(name, True)}
        | {name for name, protected in said.items() if protected}
    )


def set_protected(context: RequestContext, *, label: str, protected: bool) -> None:
    """Say whether moving a label of the team's prompts takes a reviewer.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        InvalidInput: ``prompt.label-invalid``.
    """
    require(context, "administer", _rules(context))
    check_label(label)
    with transaction.atomic():
        team = Team.objects.get(slug=context.team)
        ProtectedLabel.objects.update_or_create(
            team=team, name=label, defaults={"protected": protected}
        )
        _record(context, "protect_label", {"label": label, "protected": protected})


def required_fragments(context: RequestContext) -> list[RequiredFragment]:
    """Return the team's rules about fragments, fragments loaded."""
    require(context, "view", _rules(context), audit=False)
    rules = RequiredFragment.objects.filter(team__slug=context.team)
    return list(rules.select_related("fragment__team").order_by("label", "fragment__name"))


def require_fragment(context: RequestContext, *, label: str, fragment: str) -> RequiredFragment:
    """Let the label go only to versions that include the fragment, in whatever version.

    Where the label points already stays as it is; the rule is asked when a label moves.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        NotFound: there is no such fragment that the team may include.
        InvalidInput: ``prompt.label-invalid``; ``prompt.not-fragment``.
    """
    require(context, "administer", _rules(context))
    check_label(label)
    prompt = find_prompt(context, fragment, audit=False)
    if prompt.kind != PromptKind.FRAGMENT:
        raise InvalidInput("prompt.not-fragment", f"{prompt.path} is a {prompt.kind}.")
    with transaction.atomic():
        team = Team.objects.get(slug=context.team)
        rule, _ = RequiredFragment.objects.get_or_create(team=team, label=label, fragment=prompt)
        _record(context, "require_fragment", {"label": label, "fragment": prompt.urn})
    return rule


def drop_requirement(context: RequestContext, *, label: str, fragment: str) -> None:
    """Take a rule about a fragment away.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        NotFound: there is no such rule.
    """
    require(context, "administer", _rules(context))
    prompt = find_prompt(context, fragment, audit=False)
    with transaction.atomic():
        rules = RequiredFragment.objects.filter(team__slug=context.team, label=label)
        gone, _ = rules.filter(fragment=prompt).delete()
        if not gone:
            raise NotFound("prompt.rule-not-found", "The team has no such rule.")
        _record(context, "drop_requirement", {"label": label, "fragment": prompt.urn})


def _rules(context: RequestContext) -> Resource:
    return Resource(kind="PromptRules", id=context.team, team=context.team)


def _record(context: RequestContext, action: str, details: Mapping[str, Any]) -> None:
    resource = f"promptrules:{context.team}"
    transaction.on_commit(
        lambda: auditing.record(
            context, action=action, resource=resource, outcome="done", details=details
        )
    )
