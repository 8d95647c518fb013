"""Labels over HTTP: move and remove them, propose and decide, protect and require."""

import datetime as dt
import uuid
from typing import Annotated, Any

from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core.errors import PolicyDenied
from playground.policy.requests import TeamRequest
from playground.prompts import labelling, proposing, protecting
from playground.prompts.api import Limit
from playground.prompts.finding import find_prompt
from playground.prompts.listing import MAX_PAGE
from playground.prompts.models import LabelProposal
from playground.prompts.paging import Cursor, page_of
from playground.prompts.shapes_api import LabelOut, label_out
from playground.prompts.versions_api import Name, Number

labels_api = Router(tags=["prompts"])

Reason = Annotated[str, Field(max_length=500)]


class LabelIn(Schema):
    """Where a label goes. With ``expected``, null for no label yet, a move that was overtaken by
    another is refused."""

    version: Number
    expected: Number | None = None
    reason: Reason = ""


class RemovalIn(Schema):
    expected: Number | None = None
    reason: Reason = ""


class LabelsOut(Schema):
    items: list[LabelOut]
    next: str | None = None


class MoveOut(Schema):
    """One move; null is no version."""

    label: str
    before: int | None
    after: int | None
    moved_by: str
    moved_at: dt.datetime
    reason: str


class MovesOut(Schema):
    items: list[MoveOut]
    next: str | None = None


class ProposalIn(Schema):
    label: Name
    version: Number
    reason: Reason = ""


class ProposalOut(Schema):
    id: uuid.UUID
    prompt: str
    label: str
    version: int
    expected: int | None
    reason: str
    status: str
    proposed_by: str
    proposed_at: dt.datetime
    decided_by: str
    decided_at: dt.datetime | None
    answer: str


class ProposalsOut(Schema):
    items: list[ProposalOut]
    next: str | None = None


class DecisionIn(Schema):
    approve: bool
    answer: Reason = ""


class ProtectionIn(Schema):
    label: Name
    protected: bool = True


class ProtectedOut(Schema):
    items: list[str]
    next: str | None = None


class RuleIn(Schema):
    """``fragment`` is ``team/name``."""

    label: Name
    fragment: Annotated[str, Field(max_length=200)]


class RulesOut(Schema):
    items: list[RuleIn]
    next: str | None = None


@labels_api.get("/{team}/{name}/labels", response=LabelsOut, summary="List labels")
def list_labels(request: TeamRequest, team: str, name: str) -> dict[str, Any]:
    """List a prompt's labels by name."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    ours = prompt.team.slug == request.context.team
    labels = prompt.labels.select_related("version")
    return {"items": [label_out(each, ours=ours) for each in labels]}


@labels_api.put("/{team}/{name}/labels/{label}", response=LabelOut, summary="Move a label")
def move_label(
    request: TeamRequest, team: str, name: str, label: str, body: LabelIn
) -> dict[str, Any]:
    """Point a label at a version; protected labels take a reviewer."""
    moved = labelling.move_label(
        request.context,
        f"{team}/{name}",
        label=label,
        version=body.version,
        expected=_expected(body),
        reason=body.reason,
    )
    return label_out(moved)


@labels_api.delete(
    "/{team}/{name}/labels/{label}", response={204: None}, summary="Take a label away"
)
def remove_label(
    request: TeamRequest, team: str, name: str, label: str, wanted: Query[RemovalIn]
) -> Status[None]:
    """Take a label away; who asks by it then is told that it is unknown."""
    labelling.remove_label(
        request.context,
        f"{team}/{name}",
        label=label,
        expected=labelling.ANYTHING if wanted.expected is None else wanted.expected,
        reason=wanted.reason,
    )
    return Status(204, None)


@labels_api.get("/{team}/{name}/moves", response=MovesOut, summary="List moves of labels")
def list_moves(
    request: TeamRequest,
    team: str,
    name: str,
    label: Name | None = None,
    cursor: Cursor | None = None,
    limit: Limit = MAX_PAGE,
) -> Any:
    """List the moves of a prompt's labels, or of one of them, newest first, to its own team."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    if prompt.team.slug != request.context.team:
        raise PolicyDenied("prompt.moves-private", "Who moved labels is told to their own team.")
    moves = prompt.moves.filter(label=label) if label else prompt.moves.all()
    return page_of(moves, order=("-moved_at", "-id"), cursor=cursor, limit=limit)


@labels_api.post(
    "/{team}/{name}/proposals", response={201: ProposalOut}, summary="Propose to move a label"
)
def propose(request: TeamRequest, team: str, name: str, body: ProposalIn) -> Status[dict[str, Any]]:
    """Ask that a label be moved; somebody else decides."""
    proposal = proposing.propose_label(
        request.context,
        f"{team}/{name}",
        label=body.label,
        version=body.version,
        reason=body.reason,
    )
    return Status(201, _proposal(proposal))


@labels_api.get("/{team}/{name}/proposals", response=ProposalsOut, summary="List proposals")
def list_proposals(
    request: TeamRequest,
    team: str,
    name: str,
    cursor: Cursor | None = None,
    limit: Limit = MAX_PAGE,
) -> dict[str, Any]:
    """List the proposals for a prompt: those that wait first, then newest first."""
    page = proposing.proposals(request.context, path=f"{team}/{name}", cursor=cursor, limit=limit)
    return {"items": [_proposal(each) for each in page.items], "next": page.next}


@labels_api.get("/proposals", response=ProposalsOut, summary="List the team's proposals")
def list_all_proposals(
    request: TeamRequest, cursor: Cursor | None = None, limit: Limit = MAX_PAGE
) -> dict[str, Any]:
    """List the proposals of the team: those that wait first, then newest first."""
    page = proposing.proposals(request.context, cursor=cursor, limit=limit)
    return {"items": [_proposal(each) for each in page.items], "next": page.next}


@labels_api.post(
    "/proposals/{proposal_id}/decision", response=ProposalOut, summary="Decide a proposal"
)
def decide(request: TeamRequest, proposal_id: str, body: DecisionIn) -> dict[str, Any]:
    """Approve a proposal, which moves the label, or reject it."""
    decided = proposing.decide_proposal(
        request.context, proposal_id, approve=body.approve, answer=body.answer
    )
    return _proposal(decided)


@labels_api.delete("/proposals/{proposal_id}", response={204: None}, summary="Withdraw a proposal")
def withdraw(request: TeamRequest, proposal_id: str) -> Status[None]:
    """Take back what one has proposed and nobody has decided."""
    proposing.withdraw_proposal(request.context, proposal_id)
    return Status(204, None)


@labels_api.get("/protected-labels", response=ProtectedOut, summary="List protected labels")
def list_protected(request: TeamRequest) -> dict[str, Any]:
    """List the labels that a reviewer moves in the team's prompts."""
    return {"items": protecting.protected_labels(request.context)}


@labels_api.put("/protected-labels", response=ProtectedOut, summary="Protect a label")
def protect(request: TeamRequest, body: ProtectionIn) -> dict[str, Any]:
    """Say whether moving a label takes a reviewer."""
    protecting.set_protected(request.context, label=body.label, protected=body.protected)
    return {"items": protecting.protected_labels(request.context)}


@labels_api.get("/required-fragments", response=RulesOut, summary="List required fragments")
def list_rules(request: TeamRequest) -> dict[str, Any]:
    """List the fragments that labelled versions must include."""
    return {"items": _rules(request)}


@labels_api.put("/required-fragments", response=RulesOut, summary="Require a fragment")
def require_fragment(request: TeamRequest, body: RuleIn) -> dict[str, Any]:
    """Let a label go only to versions that include the fragment."""
    protecting.require_fragment(request.context, label=body.label, fragment=body.fragment)
    return {"items": _rules(request)}


@labels_api.delete("/required-fragments", response={204: None}, summary="Drop a requirement")
def drop_requirement(request: TeamRequest, rule: Query[RuleIn]) -> Status[None]:
    """Let a label go to versions without the fragment again."""
    protecting.drop_requirement(request.context, label=rule.label, fragment=rule.fragment)
    return Status(204, None)


def _expected(body: LabelIn) -> labelling.Expected:
    return body.expected if "expected" in body.model_fields_set else labelling.ANYTHING


def _rules(request: TeamRequest) -> list[dict[str, str]]:
    rules = protecting.required_fragments(request.context)
    return [{"label": each.label, "fragment": each.fragment.path} for each in rules]


def _proposal(proposal: LabelProposal) -> dict[str, Any]:
    names = (
        "id", "label", "expected", "reason", "status", "proposed_by", "proposed_at",
        "decided_by", "decided_at", "answer",
    )  # fmt: skip
    return {
        **{name: getattr(proposal, name) for name in names},
        "prompt": proposal.prompt.path,
        "version": proposal.version.number,
    }
