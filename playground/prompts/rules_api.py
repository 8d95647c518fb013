"""The rules of teams about labels over HTTP: protect and require, and who meets what."""

import datetime as dt
import uuid
from typing import Annotated, Any

from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core.bodies import BodyIn
from playground.policy.requests import TeamRequest
from playground.prompts import protecting, ruling
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.labels_api import Reason
from playground.prompts.versions_api import Name, Number

rules_api = Router(tags=["prompts"])


class ProtectionIn(BodyIn):
    label: Name
    protected: bool = True
    reason: Reason = ""


class ProtectedOut(Schema):
    items: list[str]
    next: str | None = None


class RuleIn(BodyIn):
    """``fragment`` is ``team/name``."""

    label: Name
    fragment: Annotated[str, Field(max_length=200)]
    reason: Reason = ""


class RulesOut(Schema):
    items: list[RuleIn]
    next: str | None = None


class ProtectionOut(ProtectionIn):
    """``set_by`` is empty and ``set_at`` null where the default holds."""

    set_by: str
    set_at: dt.datetime | None


class DemandOut(RuleIn):
    """A rule about a fragment; ``missing`` are the labelled versions without it."""

    id: uuid.UUID
    set_by: str
    set_at: dt.datetime
    labelled: int
    missing: list[str]


class TeamRulesOut(Schema):
    """All rules of a team; ``reviewers`` move protected labels, ``proposers`` ask them to."""

    protected: list[ProtectionOut]
    required: list[DemandOut]
    reviewers: list[str]
    proposers: list[str]


class StandingOut(Schema):
    """A rule that holds for the prompt; ``labelled``: the version has the rule's label."""

    label: str
    fragment: str
    met: bool
    labelled: bool
    rule: str


class StandingsOut(Schema):
    items: list[StandingOut]
    next: str | None = None


@rules_api.get("/rules", response=TeamRulesOut, summary="Read the team's rules")
def read_rules(request: TeamRequest) -> dict[str, Any]:
    """Read which labels are protected, what labels demand, who may move them and who meets them."""
    people = ruling.movers(request.context)
    return {
        "protected": ruling.protections(request.context),
        "required": [
            {
                "id": each.rule.pk,
                "label": each.rule.label,
                "fragment": each.rule.fragment.path,
                "reason": each.rule.reason,
                "set_by": each.rule.set_by,
                "set_at": each.rule.set_at,
                "labelled": each.labelled,
                "missing": [version.ref for version in each.missing],
            }
            for each in ruling.demands(request.context)
        ],
        "reviewers": people.reviewers,
        "proposers": people.proposers,
    }


@rules_api.get("/{team}/{name}/rules", response=StandingsOut, summary="List a prompt's rules")
def list_standings(
    request: TeamRequest, team: str, name: str, version: Number | None = None
) -> dict[str, Any]:
    """List what the team demands of the prompt's versions, and whether one meets it."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    if prompt.team.slug != request.context.team:
        return {"items": []}
    return {
        "items": [
            {
                "label": each.rule.label,
                "fragment": each.rule.fragment.path,
                "met": each.met,
                "labelled": each.labelled,
                "rule": ruling.address_of_rule(each.rule),
            }
            for each in ruling.standings(version_of(prompt, version=version))
        ]
    }


@rules_api.get("/protected-labels", response=ProtectedOut, summary="List protected labels")
def list_protected(request: TeamRequest) -> dict[str, Any]:
    """List the labels that a reviewer moves in the team's prompts."""
    return {"items": protecting.protected_labels(request.context)}


@rules_api.put("/protected-labels", response=ProtectedOut, summary="Protect a label")
def protect(request: TeamRequest, body: ProtectionIn) -> dict[str, Any]:
    """Say whether moving a label takes a reviewer."""
    protecting.set_protected(
        request.context, label=body.label, protected=body.protected, reason=body.reason
    )
    return {"items": protecting.protected_labels(request.context)}


@rules_api.get("/required-fragments", response=RulesOut, summary="List required fragments")
def list_rules(request: TeamRequest) -> dict[str, Any]:
    """List the fragments that labelled versions must include."""
    return {"items": _rules(request)}


@rules_api.put("/required-fragments", response=RulesOut, summary="Require a fragment")
def require_fragment(request: TeamRequest, body: RuleIn) -> dict[str, Any]:
    """Let a label go only to versions that include the fragment."""
    protecting.require_fragment(
        request.context, label=body.label, fragment=body.fragment, reason=body.reason
    )
    return {"items": _rules(request)}


@rules_api.delete("/required-fragments", response={204: None}, summary="Drop a requirement")
def drop_requirement(request: TeamRequest, rule: Query[RuleIn]) -> Status[None]:
    """Let a label go to versions without the fragment again."""
    protecting.drop_requirement(
        request.context, label=rule.label, fragment=rule.fragment, reason=rule.reason
    )
    return Status(204, None)


def _rules(request: TeamRequest) -> list[dict[str, str]]:
    rules = protecting.required_fragments(request.context)
    return [
        {"label": each.label, "fragment": each.fragment.path, "reason": each.reason}
        for each in rules
    ]
