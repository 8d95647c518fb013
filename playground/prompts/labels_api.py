"""Labels over HTTP: move and remove them, propose and decide."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core.bodies import BodyIn, know
from playground.core.errors import PolicyDenied
from playground.policy.requests import TeamRequest
from playground.prompts import labelling, proposed, proposing
from playground.prompts.api import Limit
from playground.prompts.finding import find_prompt
from playground.prompts.listing import MAX_PAGE
from playground.prompts.models import LabelProposal
from playground.prompts.paging import Cursor, page_of
from playground.prompts.reasoning import MAX_REASON
from playground.prompts.shapes_api import LabelOut, label_out
from playground.prompts.versions_api import Name, Number

labels_api = Router(tags=["prompts"])

Reason = Annotated[str, Field(max_length=MAX_REASON)]


class LabelIn(BodyIn):
    """Where a label goes. With ``expected``, null for no label yet, a move that was overtaken by
    another is refused."""

    version: Number
    expected: Number | None = None
    reason: Reason = ""


class RemovalIn(BodyIn):
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


class ProposalIn(BodyIn):
    label: Name
    version: Number
    reason: Reason = ""


class ProposalsIn(Schema):
    """Filters; ``q`` is in the prompt's name or title, in who proposed it, or in why."""

    q: Annotated[str, Field(max_length=100)] = ""
    status: Literal["", "open", "approved", "rejected"] = ""
    label: Annotated[str, Field(max_length=40)] = ""


class ProposalOut(Schema):
    """A proposed move; ``ramp`` is the draft that it starts, null moves the label at once."""

    id: uuid.UUID
    prompt: str
    label: str
    version: int
    expected: int | None
    ramp: uuid.UUID | None
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


class DecisionIn(BodyIn):
    """What is decided, and why; of a ramp an ``answer`` is needed."""

    approve: bool
    answer: Reason = ""


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
    know(RemovalIn, request.GET)
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
    page = proposed.proposals(request.context, path=f"{team}/{name}", cursor=cursor, limit=limit)
    return {"items": [_proposal(each) for each in page.items], "next": page.next}


@labels_api.get("/proposals", response=ProposalsOut, summary="List the team's proposals")
def list_all_proposals(
    request: TeamRequest,
    filters: Query[ProposalsIn],
    cursor: Cursor | None = None,
    limit: Limit = MAX_PAGE,
) -> dict[str, Any]:
    """List the proposals of the team: those that wait first, then newest first."""
    wanted = proposed.WantedProposals(filters.q, filters.status, filters.label)
    page = proposed.proposals(request.context, wanted=wanted, cursor=cursor, limit=limit)
    return {"items": [_proposal(each) for each in page.items], "next": page.next}


@labels_api.post(
    "/proposals/{proposal_id}/decision", response=ProposalOut, summary="Decide a proposal"
)
def decide(request: TeamRequest, proposal_id: str, body: DecisionIn) -> dict[str, Any]:
    """Approve a proposal, which moves the label or starts its ramp, or reject it."""
    decided = proposing.decide_proposal(
        request.context, proposal_id, approve=body.approve, answer=body.answer
    )
    return _proposal(decided)


@labels_api.delete("/proposals/{proposal_id}", response={204: None}, summary="Withdraw a proposal")
def withdraw(request: TeamRequest, proposal_id: str) -> Status[None]:
    """Take back what one has proposed and nobody has decided."""
    proposing.withdraw_proposal(request.context, proposal_id)
    return Status(204, None)


def _expected(body: LabelIn) -> labelling.Expected:
    return body.expected if "expected" in body.model_fields_set else labelling.ANYTHING


def _proposal(proposal: LabelProposal) -> dict[str, Any]:
    names = (
        "id", "label", "expected", "reason", "status", "proposed_by", "proposed_at",
        "decided_by", "decided_at", "answer",
    )  # fmt: skip
    return {
        **{name: getattr(proposal, name) for name in names},
        "prompt": proposal.prompt.path,
        "version": proposal.version.number,
        "ramp": proposal.ramp_id,
    }
