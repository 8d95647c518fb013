"""The pages on which a ramp is planned: the form, what it would do, and its start."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound, PlaygroundError
from playground.policy.models import Membership, User
from playground.prompts.finding import find_prompt
from playground.prompts.models import Ramp
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.choices import choices_for, completed, form_of
from playground.prompts.ramps.foretelling import calls_of, foretell, untold
from playground.prompts.ramps.form import Form, faults_of
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.ramping import draft, start
from playground.prompts.ramps.simulating import Expected, Placed, Simulation, Someone
from playground.prompts.ramps.stepping import require_reason

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Lasting:
    """A stage as it is foretold: the part of those asked about, and how long, in words."""

    percent: float
    candidates: int
    share: float
    lasts: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Somebody, with the arm of each stage and why they begin in theirs."""

    key: str
    arms: tuple[bool, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a plan would do; ``seal`` tells this plan from any other.

    ``untold`` are the guarded metrics that nobody has told of the prompt yet.
    """

    stages: tuple[Lasting, ...]
    drawn: tuple[Drawn, ...]
    asked: int
    lasts: str
    endless: bool
    calls_per_hour: float
    first: float
    untold: tuple[str, ...]
    seal: str


def plan_page(request: HttpRequest, shell: dict[str, Any]) -> HttpResponse:
    """Show the form, foretell what is typed, and plan or start the ramp when told to."""
    user = _reader(request)
    if request.method != "POST":
        return _form_page(request, shell, completed(user, _first_form(request)))
    form, do = Form.of(request.POST), request.POST.get("do", "")
    if do in ("draft", "start"):
        return _make(request, shell, form, at_once=do == "start")
    if do != "look":
        form = form.changed(do)
    form = completed(user, form)
    part = "simulation" if request.headers.get("HX-Target") == "simulation" else "planning"
    if request.headers.get("HX-Request"):
        return render(request, f"prompts/ramp/{part}.html", _shown(user, form))
    return _form_page(request, shell, form)


def context_in(request: HttpRequest, team: str) -> RequestContext:
    """Return the reader's own context in a team.

    Raises:
        NotFound: ``ramp.not-found``, they are not of the team.
    """
    try:
        context = _reader(request).context(team=team)
    except Membership.DoesNotExist:
        raise NotFound("ramp.not-found", "There is no such ramp in your teams.") from None
    return replace(context, request_id=getattr(request, "request_id", None))


def foretold(context: RequestContext, path: str, plan: Plan, *, keys: list[str]) -> Foretold:
    """Foretell a plan for the keys, or for a crowd, at the traffic of the last day."""
    prompt = find_prompt(context, path, audit=False)
    calls = calls_of(prompt, plan.label)
    units = [Someone(key, {}) for key in keys]
    told = foretell(context, path, plan, units=units, calls_per_hour=calls)
    return Foretold(
        stages=tuple(_lasting(each, len(told.placed)) for each in told.stages),
        drawn=tuple(map(_drawn, _typical(told, whole=bool(units)))),
        asked=len(told.placed),
        lasts=_lasts(told.minutes),
        endless=told.minutes is None,
        calls_per_hour=calls,
        first=plan.stages[0].percent,
        untold=tuple(untold(prompt, plan)),
        seal=seal(path, plan),
    )


def seal(path: str, plan: Plan) -> str:
    """Tell one plan from another, so that none is started that was not looked at."""
    return hashlib.sha256(f"{path} {plan.model_dump_json()}".encode()).hexdigest()[:16]


def ramp_of(text: str) -> Ramp | None:
    """Return the ramp with this id, whatever the text."""
    try:
        return Ramp.objects.whole().filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None


def _first_form(request: HttpRequest) -> Form:
    """Return the form of the ramp that is planned again, else of what the address names."""
    asked = request.GET
    earlier = ramp_of(asked.get("from", ""))
    if earlier and earlier.prompt.team.memberships.filter(user=_reader(request)).exists():
        return form_of(earlier)
    return Form(
        prompt=asked.get("prompt", ""),
        label=asked.get("label", ""),
        candidate=asked.get("candidate", ""),
    )


def _make(
    request: HttpRequest, shell: dict[str, Any], form: Form, *, at_once: bool
) -> HttpResponse:
    try:
        plan = form.plan()
        context = context_in(request, form.prompt.partition("/")[0])
        if at_once and request.POST.get("seal") != seal(form.prompt, plan):
            raise InvalidInput("ramp.not-simulated", "Look at what this plan would do, then start.")
        reason = form.reason
        if at_once:
            # Before the draft is kept, so that the form comes back with all that was typed.
            require_reason(reason)
        ramp = draft(context, form.prompt, plan, reason=reason)
    except PlaygroundError as error:
        return _form_page(request, shell, form, error=error)
    try:
        if at_once:
            start(context, ramp.pk, reason=reason)
            messages.success(request, f"Started with {plan.stages[0].percent:g} %.")
        else:
            messages.success(request, "Kept as a draft. Nobody gets the candidate yet.")
    except PlaygroundError as error:
        messages.error(request, f"Kept as a draft, not started: {error.detail}")
    return redirect("admin:prompts_ramp_change", ramp.pk)


def _form_page(
    request: HttpRequest, shell: dict[str, Any], form: Form, *, error: PlaygroundError | None = None
) -> HttpResponse:
    shown = shell | _shown(_reader(request), form, error=error)
    status = error.status if error else 200
    return render(request, "prompts/ramp/plan.html", shown, status=status)


def _shown(user: User, form: Form, *, error: PlaygroundError | None = None) -> dict[str, Any]:
    choices = choices_for(user, form)
    shown: dict[str, Any] = {"form": form, "choices": choices, "error": error, "faults": {}}
    if choices.prompt is None:
        return shown
    context = user.context(team=choices.prompt.team.slug)
    try:
        shown["foretold"] = foretold(context, form.prompt, form.plan(), keys=form.keys)
    except InvalidInput as fault:
        shown["faults"] = faults_of(fault)
    except PlaygroundError as fault:
        shown["faults"] = {"": fault.detail}
    return shown


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _lasting(expected: Expected, asked: int) -> Lasting:
    return Lasting(
        percent=expected.stage.percent,
        candidates=expected.candidates,
        share=100 * expected.candidates / max(1, asked),
        lasts=_lasts(expected.minutes),
    )


def _lasts(minutes: float | None) -> str:
    if minutes is None:
        return "never"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 60 * 48 else f"{minutes / 60 / 24:.1f} days"


def _typical(told: Simulation, *, whole: bool) -> list[Placed]:
    """Return everybody asked about; of a crowd some of each stage, those whom rules pick first."""
    if whole:
        return list(told.placed)
    alike: dict[tuple[bool, int], list[Placed]] = {}
    for placed in told.placed:
        joins = sum(each.arm is Arm.BASELINE for each in placed.assignments)
        drawn = placed.assignments[0].bucket is not None
        alike.setdefault((drawn, joins), []).append(placed)
    each_of = max(1, _SHOWN // len(alike))
    return [placed for key in sorted(alike) for placed in alike[key][:each_of]]


def _drawn(placed: Placed) -> Drawn:
    return Drawn(
        key=placed.someone.key or "",
        arms=tuple(each.arm is Arm.CANDIDATE for each in placed.assignments),
        reason=placed.assignments[0].reason,
    )
