"""The rules of teams about labels: which take a reviewer, and which demand a fragment."""

from django.db import transaction

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy import auditing
from playground.policy.deciding import Resource, decide, require
from playground.policy.models import Team
from playground.prompts.content import PromptKind
from playground.prompts.finding import PRODUCTION, check_label, find_prompt
from playground.prompts.models import Prompt, ProtectedLabel, RequiredFragment
from playground.prompts.reasoning import check_reason

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
    require(context, "view", rules_of(context), audit=False)
    return sorted(protected_in(context.team))


def set_protected(
    context: RequestContext, *, label: str, protected: bool, reason: str = ""
) -> None:
    """Say whether moving a label of the team's prompts takes a reviewer.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        InvalidInput: ``prompt.label-invalid``, ``prompt.reason``.
    """
    require(context, "administer", rules_of(context))
    check_label(label)
    check_reason(reason)
    with transaction.atomic():
        team = Team.objects.get(slug=context.team)
        ProtectedLabel.objects.update_or_create(
            team=team, name=label, defaults={"protected": protected, **_noted(context, reason)}
        )
        action = "protect_label" if protected else "free_label"
        _record(context, action, label=label, reason=reason)


def required_fragments(context: RequestContext) -> list[RequiredFragment]:
    """Return the team's rules about fragments, fragments loaded."""
    require(context, "view", rules_of(context), audit=False)
    rules = RequiredFragment.objects.filter(team__slug=context.team)
    return list(rules.select_related("fragment__team").order_by("label", "fragment__name"))


def require_fragment(
    context: RequestContext, *, label: str, fragment: str, reason: str = ""
) -> RequiredFragment:
    """Let the label go only to versions that include the fragment, in whatever version.

    Where the label points already stays as it is; the rule is asked when a label moves.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        NotFound: there is no such fragment that the team may include.
        InvalidInput: ``prompt.label-invalid``; ``prompt.not-fragment``; ``prompt.reason``.
    """
    require(context, "administer", rules_of(context))
    check_label(label)
    check_reason(reason)
    prompt = find_prompt(context, fragment, audit=False)
    if prompt.kind != PromptKind.FRAGMENT:
        raise InvalidInput("prompt.not-fragment", f"{prompt.path} is a {prompt.kind}.")
    with transaction.atomic():
        team = Team.objects.get(slug=context.team)
        rule, made = RequiredFragment.objects.get_or_create(
            team=team, label=label, fragment=prompt, defaults=_noted(context, reason)
        )
        if made:
            _record(context, "require_fragment", label=label, fragment=prompt.path, reason=reason)
    return rule


def drop_requirement(
    context: RequestContext, *, label: str, fragment: str, reason: str = ""
) -> None:
    """Take a rule about a fragment away, also where its team shares the fragment no longer.

    Raises:
        PolicyDenied: the context may not administer the team's rules.
        NotFound: ``prompt.rule-not-found``.
        InvalidInput: ``prompt.reason``.
    """
    require(context, "administer", rules_of(context))
    check_reason(reason)
    team, _, name = fragment.rpartition("/")
    rules = RequiredFragment.objects.filter(team__slug=context.team, label=label)
    with transaction.atomic():
        gone, _ = rules.filter(
            fragment__team__slug=team or context.team, fragment__name=name
        ).delete()
        if not gone:
            raise NotFound("prompt.rule-not-found", "The team has no such rule.")
        _record(context, "drop_requirement", label=label, fragment=fragment, reason=reason)


def rules_of(context: RequestContext) -> Resource:
    """Describe the rules of the context's team to the policies."""
    return Resource(kind="PromptRules", id=context.team, team=context.team)


def _noted(context: RequestContext, reason: str) -> dict[str, object]:
    return {"reason": reason, "set_by": context.subject, "set_at": now()}


def _record(context: RequestContext, action: str, **details: str) -> None:
    # The audit log keeps what is rolled back: it is done only at the end of the transaction.
    transaction.on_commit(
        lambda: auditing.record(
            context,
            action=action,
            resource=rules_of(context).urn,
            outcome="done",
            details=details,
        )
    )
