"""Read the rules of a team about labels: who set them, whom they let move, and who meets them."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from playground.core.context import RequestContext
from playground.policy.deciding import Resource, decide, require
from playground.policy.models import Role, User
from playground.policy.people import members_of
from playground.prompts.models import (
    Inclusion,
    Label,
    Prompt,
    PromptVersion,
    ProtectedLabel,
    RequiredFragment,
)
from playground.prompts.protecting import PROTECTED_UNLESS_SAID, required_fragments, rules_of

PEOPLE_ASKED = 50
REVIEWERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Protection:
    """What the team says of a label.

    Attributes:
        set_by: URN; empty where nobody has said anything and the default holds.
    """

    label: str
    protected: bool
    reason: str = ""
    set_by: str = ""
    set_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """A rule about a fragment, and how the team's prompts stand to it.

    Attributes:
        labelled: how many of the team's prompts have the label.
        missing: of those, the versions without the fragment, by path.
    """

    rule: RequiredFragment
    labelled: int
    missing: list[PromptVersion]


@dataclass(frozen=True, slots=True)
class Movers:
    """People of the team, by their URNs, as the policies answer for each; ``asked`` of ``all``."""

    reviewers: list[str]
    proposers: list[str]
    asked: int
    all: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a version includes what a rule demands; ``labelled``: the rule's label is on it."""

    rule: RequiredFragment
    met: bool
    labelled: bool


def address_of_label(label: str) -> str:
    """Return where the page of rules says how the label is protected."""
    return f"{reverse('prompt-rules')}#label-{label}"


def address_of_rule(rule: RequiredFragment) -> str:
    """Return where the page of rules says what the rule demands."""
    return f"{reverse('prompt-rules')}#rule-{rule.pk}"


def protections(context: RequestContext) -> list[Protection]:
    """Return what holds for each label that the team or the default says something of.

    Raises:
        PolicyDenied: the context may not see the team's rules.
    """
    require(context, "view", rules_of(context), audit=False)
    said = {
        row.name: Protection(row.name, row.protected, row.reason, row.set_by, row.set_at)
        for row in ProtectedLabel.objects.filter(team__slug=context.team)
    }
    default = {label: Protection(label, True) for label in PROTECTED_UNLESS_SAID}
    return [each for _, each in sorted((default | said).items())]


def demands(context: RequestContext) -> list[Demand]:
    """Return the team's rules about fragments with who meets them; three queries.

    Raises:
        PolicyDenied: the context may not see the team's rules.
    """
    rules = required_fragments(context)
    labels = Label.objects.filter(
        prompt__in=Prompt.objects.of_team(context).active(), name__in={each.label for each in rules}
    )
    rows = list(
        labels.select_related("version__prompt__team")
        .defer("version__messages")
        .order_by("prompt__name")
    )
    included = _included((row.version for row in rows), rules)
    found = []
    for rule in rules:
        of_label = [row.version for row in rows if row.name == rule.label]
        missing = [each for each in of_label if not _meets(each, rule, included)]
        found.append(Demand(rule, len(of_label), missing))
    return found


def movers(context: RequestContext) -> Movers:
    """Ask the policies whom of the team they let move protected labels, and whom propose it.

    One query for each person and action, for the first ``PEOPLE_ASKED`` people by name.
    """
    people = User.objects.filter(memberships__team__slug=context.team, is_active=True)
    ordered = people.order_by("username")
    asked = list(ordered[:PEOPLE_ASKED])
    some = _some_prompt(context)

    def may(action: str) -> list[str]:
        return [person.urn for person in asked if _may(context, person, action, some)]

    reviewers = may("approve")
    proposers = [urn for urn in may("edit") if urn not in reviewers]
    return Movers(reviewers, proposers, len(asked), ordered.count())


def reviewer_of(context: RequestContext) -> str:
    """Say whom of the team one can ask to do what takes a reviewer, by name.

    Of those whose role it is; a query for each who is named.
    """
    role = (Role.REVIEWER, Role.ADMIN)
    some = _some_prompt(context)
    asked = members_of(context.team).filter(role__in=role)[:PEOPLE_ASKED]
    reviewing = (str(each.user) for each in asked if _may(context, each.user, "approve", some))
    *others, last = list(itertools.islice(reviewing, REVIEWERS_NAMED)) or [""]
    if not last:
        return f"a reviewer; {context.team} has none, and staff of the Playground appoint one"
    names = f"{', '.join(others)} or {last}" if others else last
    return f"a reviewer of {context.team}: ask {names}"


def standings(version: PromptVersion) -> list[Standing]:
    """Return the rules of the prompt's team with whether this version meets each."""
    rules = list(
        RequiredFragment.objects.filter(team=version.prompt.team)
        .select_related("fragment__team")
        .order_by("label", "fragment__name")
    )
    included = _included([version], rules)
    on = set(version.labels.values_list("name", flat=True)) if rules else set()
    return [Standing(rule, _meets(version, rule, included), rule.label in on) for rule in rules]


def missing_from(version: PromptVersion, *, label: str) -> Iterator[RequiredFragment]:
    """Yield the rules for the label that the version does not meet."""
    for each in standings(version):
        if each.rule.label == label and not each.met:
            yield each.rule


def _some_prompt(context: RequestContext) -> Resource:
    return Resource(kind="Prompt", id="any", team=context.team)


def _may(context: RequestContext, person: User, action: str, resource: Resource) -> bool:
    theirs = RequestContext(subject=person.urn, team=context.team)
    return decide(theirs, action, resource, audit=False).allowed


def _included(
    versions: Iterable[PromptVersion], rules: Iterable[RequiredFragment]
) -> set[tuple[object, object]]:
    rows = Inclusion.objects.filter(
        version__in=[each.pk for each in versions],
        fragment__prompt__in=[each.fragment_id for each in rules],
    )
    return set(rows.values_list("version_id", "fragment__prompt_id"))


def _meets(
    version: PromptVersion, rule: RequiredFragment, included: set[tuple[object, object]]
) -> bool:
    own = rule.fragment_id == version.prompt_id
    return own or (version.pk, rule.fragment_id) in included
