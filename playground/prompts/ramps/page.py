"""Put together what the page of a ramp shows, for somebody who may or may not steer it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.policy.people import names_of
from playground.prompts.crediting import GUARD
from playground.prompts.models import LabelProposal, Ramp, RampEvent
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.buttons import (
    Button,
    barred_because,
    buttons_for,
    may_go_on,
    proposal_buttons,
    reviewer_for,
)
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.figures import figures
from playground.prompts.ramps.observing import sums_of
from playground.prompts.ramps.panels import Exposed, Panel, exposed_of, named, panels_of
from playground.prompts.ramps.proposing_ramps import hindered_by, last_proposal
from playground.prompts.ramps.sequential import Verdict
from playground.prompts.ramps.wording import counted, difference, name_of

What = RampEvent.What
Sums = dict[Arm, UnitSums]


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the stepper; ``entered`` is when it began."""

    number: int
    percent: float
    needs: str
    state: Literal["done", "current", "next", "stopped"]
    entered: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something that the stage needs: how much of it there is, of how much, in words."""

    name: str
    value: float
    most: float
    said: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What a guard watches, how much worse it may be, and how likely a false alarm is, in words."""

    name: str
    tolerated: str
    alarm: str


@dataclass(frozen=True, slots=True)
class RampPage:
    """Everything on the page.

    Attributes:
        names: of people, by their URNs.
        barred: why its reader may not steer the ramp.
        reviewer: whom they can ask to go on, where that takes a reviewer.
        proposal: what was proposed of it last.
        hindered: why it could not start though it were approved.
    """

    ramp: Ramp
    steps: tuple[Step, ...]
    gauges: tuple[Gauge, ...]
    lacks: str
    left: str
    panels: tuple[Panel, ...]
    exposed: Exposed | None
    events: tuple[RampEvent, ...]
    names: Mapping[str, str]
    buttons: tuple[Button, ...]
    barred: str
    reviewer: str
    worse: tuple[Panel, ...]
    stopped_by: RampEvent | None
    proposal: LabelProposal | None
    hindered: str

    @property
    def watches(self) -> list[Watch]:
        """Return what its guards watch."""
        return watches_of(self.ramp)

    @property
    def waits(self) -> bool:
        """Return whether somebody is asked to decide about it."""
        return _is_open(self.proposal)

    @property
    def guarded(self) -> bool:
        """Return whether the guard itself stopped the ramp."""
        return self.stopped_by is not None and self.stopped_by.who == GUARD


def page_of(ramp: Ramp, *, context: RequestContext | None, may_change: bool) -> RampPage:
    """Read all that the page shows.

    Args:
        context: of the reader in the ramp's team; None where they are not of it.
        may_change: whether the administration lets them change ramps.
    """
    sums = sums_of(ramp)
    seen, events = figures(ramp, sums), tuple(ramp.events.all())
    samples = sums.get(metrics.ERROR_RATE, {}) if ramp.is_live else {}
    gauges = tuple(_gauges(ramp, samples))
    panels = panels_of(ramp, seen) if ramp.period else ()
    barred = barred_because(ramp, context=context, may_change=may_change)
    may_grow = not barred and context is not None and may_go_on(context, ramp)
    proposal = last_proposal(ramp)
    if barred or context is None:
        buttons = []
    elif proposal is not None and _is_open(proposal):
        buttons = proposal_buttons(context, ramp, proposal)
    else:
        buttons = buttons_for(ramp, may_grow=may_grow, lacks=seen.lacks)
    over = ramp.ended_at is not None
    stops = (What.PAUSED, What.ROLLED_BACK, What.DISCARDED)
    last = events[-1] if events else None
    return RampPage(
        ramp=ramp,
        steps=tuple(steps_of(ramp, events)),
        gauges=gauges,
        lacks=seen.lacks,
        left=_left(ramp, samples),
        panels=panels,
        exposed=exposed_of(ramp, seen) if ramp.period else None,
        events=events[::-1],
        names=names_of({ramp.created_by, *(each.who for each in events)}),
        buttons=tuple(buttons),
        barred="" if over else barred,
        reviewer=""
        if over or barred or context is None
        else reviewer_for(context, ramp, proposal, may_grow=may_grow),
        worse=tuple(each for each in panels if each.verdict == Verdict.REGRESSED),
        stopped_by=last if last is not None and last.what in stops else None,
        proposal=proposal,
        hindered=hindered_by(ramp) if _is_open(proposal) else "",
    )


def _is_open(proposal: LabelProposal | None) -> bool:
    return proposal is not None and proposal.status == LabelProposal.Status.OPEN


def watches_of(ramp: Ramp) -> list[Watch]:
    """Return what the ramp's guards watch."""
    return [
        Watch(
            name_of(each.kind),
            difference(each.kind, each.tolerated),
            f"{100 * each.alpha:g} %",
        )
        for each in ramp.guards.all()
    ]


def steps_of(ramp: Ramp, events: Sequence[RampEvent]) -> list[Step]:
    """Return the stages of the ramp as its events tell of them."""
    entered = {e.stage: e.at for e in events if e.what in (What.STARTED, What.ADVANCED)}
    steps = []
    for at, stage in enumerate(ramp.steps):
        state: Literal["done", "current", "next", "stopped"] = "next"
        if ramp.state == Ramp.State.COMPLETED or at < ramp.stage:
            state = "done"
        elif at == ramp.stage and ramp.period:
            state = "stopped" if ramp.state == Ramp.State.ROLLED_BACK else "current"
        needs = [_lasting(stage.min_minutes)] if stage.min_minutes else []
        needs += [counted(stage.min_samples, "call")] if stage.min_samples else []
        steps.append(
            Step(
                number=at + 1,
                percent=stage.percent,
                needs=" · ".join(needs),
                state=state,
                entered=entered.get(at),
            )
        )
    return steps


def _lasting(minutes: int) -> str:
    return f"{minutes // 60} h" if minutes >= 120 and not minutes % 60 else f"{minutes} min"


def _gauges(ramp: Ramp, samples: Sums) -> list[Gauge]:
    if not ramp.is_live or ramp.since is None:
        return []
    stage, gauges = ramp.step, []
    if stage.min_minutes:
        minutes = (now() - ramp.since).total_seconds() / 60
        said = f"{min(minutes, stage.min_minutes):.0f} of {stage.min_minutes} min"
        gauges.append(Gauge("Time", minutes, stage.min_minutes, said))
    if stage.min_samples:
        arms = (Arm.CANDIDATE, Arm.BASELINE) if stage.percent < 100 else (Arm.CANDIDATE,)
        for arm in arms:
            n = samples.get(arm, UnitSums()).n
            said = f"{n:,} of {stage.min_samples:,}"
            gauges.append(Gauge(f"Calls, {named(ramp, arm)}", n, stage.min_samples, said))
    return gauges


def _left(ramp: Ramp, samples: Sums) -> str:
    """Return how long the stage will last yet, if calls come as they have come so far."""
    if ramp.state != Ramp.State.RUNNING or ramp.since is None:
        return ""
    stage = ramp.step
    gone = max((now() - ramp.since).total_seconds() / 60, 1 / 60)
    minutes = [stage.min_minutes - gone]
    if stage.min_samples:
        arms = list(Arm) if stage.percent < 100 else [Arm.CANDIDATE]
        for n in (samples.get(arm, UnitSums()).n for arm in arms):
            if n < stage.min_samples and not n:
                return "no end in sight: an arm has no calls yet"
            minutes.append((stage.min_samples - n) * gone / n)
    longest = max(minutes)
    if longest <= 0:
        return ""
    hours = longest / 60
    about = f"{max(1, round(longest))} min" if longest < 90 else f"{hours:.0f} h"
    return f"about {about} at this pace"
