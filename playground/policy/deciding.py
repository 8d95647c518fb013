"""Ask Cedar whether somebody may do something. Whatever is not permitted is denied."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import cedarpy
import orjson

from playground.core.context import RequestContext
from playground.core.errors import PolicyDenied
from playground.core.ids import urn
from playground.policy import auditing, policies
from playground.policy.models import Membership, Role

log = logging.getLogger(__name__)

ACTIONS = frozenset(
    {
        "view", "create", "edit", "delete", "run", "invoke", "approve", "administer",
        "act_for", "declare",
    }
)  # fmt: skip
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,63}", re.ASCII)
_ROLES = list(Role.values)


@dataclass(frozen=True, slots=True)
class Resource:
    """What somebody wants to touch.

    Attributes:
        kind: CamelCase name of the Cedar entity type: ``Thread``, ``Skill``.
        id: unique within the kind; ``new`` for what is about to be created.
        team: slug of the owning team; None for what every team shares, which may only be viewed
            and invoked.
        owner: URN of the owning user, where it has one.
        attributes: JSON for policies to test; no floats and no nulls.
    """

    kind: str
    id: str
    team: str | None
    owner: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def urn(self) -> str:
        """Name the resource in the audit log."""
        return urn(self.kind.lower(), self.id)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, why, and the ids of the policies that decided."""

    allowed: bool
    reasons: tuple[str, ...]
    policies: tuple[str, ...]


def require(
    context: RequestContext, action: str, resource: Resource, *, audit: bool = True
) -> Decision:
    """Decide, and raise where the answer is no.

    Raises:
        PolicyDenied: with the deciding policies; only for things that the caller may know of.
    """
    decision = decide(context, action, resource, audit=audit)
    if not decision.allowed:
        raise PolicyDenied(
            "policy.denied",
            f"You may not {action.replace('_', ' ')} this {resource.kind.lower()}.",
            policies=list(decision.policies),
        )
    return decision


def decide(
    context: RequestContext, action: str, resource: Resource, *, audit: bool = True
) -> Decision:
    """Ask the policies in force, and write the answer to the audit log before anybody acts on it.

    The subject must be permitted, and so must the user who acts for it, where there is one.
    Runs one query for each person asked, and one to write.
    """
    principals = [context.subject]
    if context.actor is not None and context.actor.startswith("user:"):
        principals.append(context.actor)
    answers = [_ask(context, principal, action, resource) for principal in principals]
    decision = next((answer for answer in answers if not answer.allowed), answers[0])
    if audit:
        auditing.record(
            context,
            action=action,
            resource=resource.urn,
            outcome="allowed" if decision.allowed else "denied",
            reasons=decision.reasons,
            policies=decision.policies,
        )
    return decision


def _ask(context: RequestContext, principal: str, action: str, resource: Resource) -> Decision:
    if action not in ACTIONS:
        return _refusal("unknown action")
    if not _KIND.fullmatch(resource.kind):
        return _refusal("unknown kind of resource")
    person = _person(principal, context.team)
    if person is None:
        return _refusal("not a member of the team")
    try:
        answer = cedarpy.is_authorized(
            {
                "principal": person["uid"],
                "action": {"type": "Action", "id": action},
                "resource": {"type": resource.kind, "id": resource.id},
                "context": {"purpose": context.purpose, "actor": context.actor or ""},
            },
            policies.in_force(),
            orjson.dumps([person, _thing(resource), *_ROLE_LADDER]).decode(),
        )
    except ValueError:
        log.exception("policies cannot be evaluated; everything is denied")
        return _refusal("the policies cannot be evaluated")
    names = answer.diagnostics.id_annotations_by_reason
    decided = tuple(sorted(names.get(each, each) for each in answer.diagnostics.reasons))
    # A policy that fails is skipped by Cedar. Skipping one that forbids would open a door.
    if answer.diagnostics.errors:
        log.error("a policy failed: %s", answer.diagnostics.errors[0])
        return Decision(False, ("a policy failed",), decided)
    if answer.allowed:
        return Decision(True, (f"permitted by {', '.join(decided)}",), decided)
    why = f"forbidden by {', '.join(decided)}" if decided else "no policy permits it"
    return Decision(False, (why,), decided)


def _refusal(reason: str) -> Decision:
    return Decision(False, (reason,), ())


def _person(subject: str, team: str) -> dict[str, Any] | None:
    kind, _, identifier = subject.partition(":")
    if kind == "member" and identifier:
        return _entity("Member", identifier, {"team": team, "urn": subject})
    role = Membership.objects.of_subject(subject, team=team).values_list("role", flat=True).first()
    if role is None:
        return None
    entity = _entity("User", identifier, {"team": team, "urn": subject, "role": role})
    entity["parents"] = [{"type": "Role", "id": role}]
    return entity


def _thing(resource: Resource) -> dict[str, Any]:
    attributes = {**resource.attributes, "shared": resource.team is None, "name": resource.id}
    if resource.team is not None:
        attributes["team"] = resource.team
    if resource.owner is not None:
        attributes["owner"] = resource.owner
    return _entity(resource.kind, resource.id, attributes)


def _entity(kind: str, identifier: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": identifier}, "attrs": attributes, "parents": []}


# Each role is in the one before it: whatever is permitted to viewers is permitted to developers.
_ROLE_LADDER = [
    {
        "uid": {"type": "Role", "id": role},
        "attrs": {},
        "parents": [{"type": "Role", "id": below} for below in _ROLES[:rung][-1:]],
    }
    for rung, role in enumerate(_ROLES)
]
