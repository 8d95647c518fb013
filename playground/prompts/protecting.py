"""The rules of teams about labels: which take a reviewer, and which demand a fragment."""

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy.deciding import Resource, decide, require
from playground.policy.models import Team
from playground.prompts.content import PromptKind
from playground.prompts.finding import PRODUCTION, check_label, find_prompt
from playground.prompts.models import Prompt, ProtectedLabel, RequiredFragment

PROTECTED_UNLESS_SAID = frozenset((PRODUCTION,))


def is_protected(team: Team, label: str) -> bool:
    """Tell whether moving the label takes a reviewer."""
    return label in protected_in(team.slug)


def needs_reviewer(context: RequestContext, prompt: Prompt, label: str) -> bool:
    """Tell whether the label takes a reviewer and the context is none; audits nothing."""
    if not is_protected(prompt.team, label):
        return False
    return not decide(context, "approve", prompt.resource(context), audit=False).allowed


def protected_in(team: str) -> set[str]:
    """Return the labels whose moves take a reviewer in the team with this slug; one query."""
    rules = ProtectedLabel.objects.filter(team__slug=team)
    said = dict(rules.values_list("name", "protected"))
    return {name for name in {*PROTECTED_UNLESS_SAID, *said} if said.get(name, True)}


def protected_labels(context: RequestContext) -> list[str]:
    """Return the team's protected labels in alphabetical order."""
    require(context, "view", _rules(context), audit=False)
    return sorted(protected_in(context.team))


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


def _rules(context: RequestContext) -> Resource:
    return Resource(kind="PromptRules", id=context.team, team=context.team)
