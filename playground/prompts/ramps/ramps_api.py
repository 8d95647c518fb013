"""Ramps over REST."""

import datetime as dt
from typing import Any, Literal

from django.db.models import prefetch_related_objects
from ninja import Router, Status

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.policy.deciding import require
from playground.policy.requests import TeamRequest
from playground.prompts.api import Limit
from playground.prompts.finding import find_prompt
from playground.prompts.listing import MAX_PAGE
from playground.prompts.models import Ramp
from playground.prompts.paging import Cursor, page_of
from playground.prompts.ramps import drafting, ramping
from playground.prompts.ramps.assigning import RampInForce
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.figures import figures
from playground.prompts.ramps.foretelling import foretell
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.ramps.proposing_ramps import last_proposal, propose
from playground.prompts.ramps.schemas import (
    DraftIn,
    EditIn,
    ObservationIn,
    ObservedOut,
    RampOut,
    RampsOut,
    RampWithFiguresOut,
    ReasonIn,
    SimulateIn,
    SimulationOut,
)
from playground.prompts.ramps.simulating import Placed, Someone
from playground.prompts.ramps.telling_once import record_once
from playground.prompts.ramps.vouching import vouched

ramps_api = Router(tags=["prompts"])

SHOWN = 20
CLOCKS_DIFFER = dt.timedelta(minutes=1)
Action = Literal[
    "start", "propose", "discard", "advance", "pause", "resume", "rollback", "complete"
]
_OF_DRAFTS = {"start": ramping.start, "propose": propose, "discard": drafting.discard}
_VERBS = {
    "pause": ramping.pause,
    "resume": ramping.resume,
    "rollback": ramping.roll_back,
    "complete": ramping.complete,
}


@ramps_api.get("/{team}/{name}/ramps", response=RampsOut, summary="List a prompt's ramps")
def list_ramps(
    request: TeamRequest,
    team: str,
    name: str,
    cursor: Cursor | None = None,
    limit: Limit = MAX_PAGE,
) -> dict[str, Any]:
    """List the ramps of a prompt, newest first; follow `next` for more."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    found = Ramp.objects.visible_to(request.context).whole().filter(prompt=prompt)
    page = page_of(found, order=("-created_at", "-id"), cursor=cursor, limit=limit)
    prefetch_related_objects(page.items, "proposals")
    return {"items": [_ramp(ramp) for ramp in page.items], "next": page.next}


@ramps_api.post("/{team}/{name}/ramps", response={201: RampOut}, summary="Plan a ramp")
def create_ramp(
    request: TeamRequest, team: str, name: str, body: DraftIn
) -> Status[dict[str, Any]]:
    """Write a ramp down; starting it is another call."""
    ramp = drafting.draft(request.context, f"{team}/{name}", body, reason=body.reason)
    return Status(201, _ramp(ramp))


@ramps_api.post(
    "/{team}/{name}/ramps/simulate", response=SimulationOut, summary="Foretell what a ramp would do"
)
def simulate_ramp(request: TeamRequest, team: str, name: str, body: SimulateIn) -> dict[str, Any]:
    """Say who would get what, how long each stage would last, and what the guards can see."""
    units = [Someone(unit.key, unit.attributes) for unit in body.units]
    foretold = foretell(
        request.context,
        f"{team}/{name}",
        body.plan,
        units=units,
        recent=body.callers == "recent",
        days=body.days,
        calls_per_hour=body.calls_per_hour,
        effects=body.effects,
    )
    told, traffic = foretold.simulation, foretold.traffic
    shown = told.placed if units else told.placed[:SHOWN]
    return {
        "callers": foretold.source,
        "units": len(told.placed),
        "minutes": told.minutes,
        "stages": [
            {
                "percent": each.stage.percent,
                "candidates": each.candidates,
                "minutes": each.minutes,
            }
            for each in told.stages
        ],
        "placed": [_placed(each) for each in shown],
        "sights": [
            {
                "metric": each.metric,
                "effect": each.effect,
                "usual": each.usual,
                "worse": each.worse,
                "calls": each.calls,
                "minutes": told.minutes_for(each.calls),
            }
            for each in foretold.sights
        ],
        "unseen": foretold.unseen,
        "traffic": {
            "days": traffic.days,
            "calls": traffic.calls,
            "calls_per_hour": traffic.calls_per_hour,
            "units": len(traffic.people),
            "units_per_day": traffic.units_per_day,
            "without": traffic.without,
        },
    }


@ramps_api.get(
    "/{team}/{name}/ramps/{ramp_id}", response=RampWithFiguresOut, summary="Look at a ramp"
)
def get_ramp(request: TeamRequest, team: str, name: str, ramp_id: str) -> dict[str, Any]:
    """Return a ramp with its history and figures."""
    ramp = _find(request.context, team, name, ramp_id)
    return {**_ramp(ramp), "events": list(ramp.events.all()), "figures": figures(ramp)}


@ramps_api.put(
    "/{team}/{name}/ramps/{ramp_id}", response=RampOut, summary="Edit a ramp that is not started"
)
def edit_ramp(
    request: TeamRequest, team: str, name: str, ramp_id: str, body: EditIn
) -> dict[str, Any]:
    """Plan a draft anew; with the `revision` that was read, who was overtaken is refused."""
    ramp = _find(request.context, team, name, ramp_id)
    return _ramp(
        drafting.edit(request.context, ramp.pk, body, reason=body.reason, revision=body.revision)
    )


@ramps_api.post(
    "/{team}/{name}/ramps/{ramp_id}/observations",
    response=ObservedOut,
    summary="Tell what became of a call",
)
def observe(
    request: TeamRequest, team: str, name: str, ramp_id: str, body: ObservationIn
) -> dict[str, Any]:
    """Add what became of a call that was made elsewhere with a version of the ramp.

    What does not count is no error of who tells it: ``code`` says why.
    """
    ramp = _find(request.context, team, name, ramp_id)
    require(request.context, "run", ramp.prompt.resource(request.context), audit=False)
    if not ramp.is_live:
        return _ignored("ramp.not-live")
    if body.observe is not None:
        token: dict[str, Any] | None = vouched(body.observe, ramp=str(ramp.pk))
    elif not _is_of_period(ramp, body.at):
        return _ignored("ramp.outside-period")
    else:
        token = _token_of_now(request.context, ramp, body)
    if token is None:
        return _ignored("ramp.not-compared")
    if not record_once(token, body.outcome, key=f"api:{body.id}" if body.id else None):
        return _ignored("ramp.not-counted")
    judge(ramp.pk)
    return {"counted": True}


@ramps_api.post(
    "/{team}/{name}/ramps/{ramp_id}/{action}", response=RampOut, summary="Change a ramp's state"
)
def change_ramp(
    request: TeamRequest, team: str, name: str, ramp_id: str, action: Action, body: ReasonIn
) -> dict[str, Any]:
    """Start, propose or discard a draft; advance, pause, resume, roll back or complete a ramp.

    A proposal is decided under `/api/prompts/proposals/{id}/decision`.
    """
    context = request.context
    ramp = _find(context, team, name, ramp_id)
    if action == "advance":
        return _ramp(
            ramping.advance(
                context, ramp.pk, reason=body.reason, early=body.early, period=body.period
            )
        )
    if action in _OF_DRAFTS:
        verb = _OF_DRAFTS[action]
        return _ramp(verb(context, ramp.pk, reason=body.reason, revision=body.revision))
    return _ramp(_VERBS[action](context, ramp.pk, reason=body.reason))


def _is_of_period(ramp: Ramp, at: dt.datetime | None) -> bool:
    """Tell whether a call that was made then belongs to what is compared now."""
    return at is None or (ramp.since is not None and ramp.since <= at <= now() + CLOCKS_DIFFER)


def _ignored(code: str) -> dict[str, Any]:
    return {"counted": False, "code": code}


def _token_of_now(
    context: RequestContext, ramp: Ramp, body: ObservationIn
) -> dict[str, Any] | None:
    in_force = RampInForce.of(ramp)
    arm = next((arm for arm in Arm if in_force.version_of(arm) == body.version), None)
    if arm is None:
        raise InvalidInput("ramp.version", f"The ramp leads to no version {body.version}.")
    assigned = in_force.assign(context, body.key)
    # A period in which a unit is in both arms could be compared by nobody.
    if assigned.token is not None and assigned.assignment.arm is not arm:
        raise Conflict(
            "ramp.arm-changed",
            f"The key gets the {assigned.assignment.arm} now; tell “observe” of the resolved call.",
        )
    return assigned.token


def _find(context: RequestContext, team: str, name: str, ramp_id: str) -> Ramp:
    prompt = find_prompt(context, f"{team}/{name}", audit=False)
    ramp = ramping.find_ramp(context, ramp_id)
    if ramp.prompt_id != prompt.pk:
        raise NotFound("ramp.not-found", "There is no such ramp.")
    return ramp


def _ramp(ramp: Ramp) -> dict[str, Any]:
    return {
        "id": ramp.pk,
        "label": ramp.label,
        "baseline": ramp.baseline.number,
        "candidate": ramp.candidate.number,
        "unit": ramp.unit,
        "stages": ramp.stages,
        "rules": ramp.rules,
        "state": ramp.state,
        "revision": ramp.revision,
        "stage": ramp.stage,
        "period": ramp.period,
        "percent": ramp.step.percent,
        "since": ramp.since,
        "started_at": ramp.started_at,
        "automatic_advance": ramp.automatic_advance,
        "on_regression": ramp.on_regression,
        "created_by": ramp.created_by,
        "created_at": ramp.created_at,
        "ended_at": ramp.ended_at,
        "proposal": last_proposal(ramp),
    }


def _placed(placed: Placed) -> dict[str, Any]:
    return {
        "key": placed.someone.key,
        "calls": placed.someone.calls,
        "arms": [each.arm.value for each in placed.assignments],
        "reason": placed.assignments[0].reason,
    }
