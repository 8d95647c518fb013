"""The pages on which a ramp is planned: the form, what it would do, and its start."""

import hashlib
import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound, PlaygroundError
from playground.policy.models import Membership, User
from playground.prompts.models import Ramp, RampEvent
from playground.prompts.ramps.choices import (
    SUGGESTED,
    choices_for,
    chosen,
    completed,
    form_of,
    rampable,
)
from playground.prompts.ramps.drafting import draft, edit
from playground.prompts.ramps.foretold import foretold
from playground.prompts.ramps.form import Form, faults_of
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.proposing_ramps import propose
from playground.prompts.ramps.ramping import start
from playground.prompts.ramps.stepping import check_state, require_reason


def plan_page(request: HttpRequest, shell: dict[str, Any]) -> HttpResponse:
    """Show the form, foretell what is typed, and plan, propose or start the ramp when told to."""
    user = _reader(request)
    if request.method != "POST":
        return _form_page(request, shell, completed(user, _first_form(request)))
    form, do = Form.of(request.POST), request.POST.get("do", "")
    if do in ("draft", "start", "propose"):
        return _make(request, shell, form, do=do)
    return _looked(request, shell, form.changed(do))


def edit_page(request: HttpRequest, shell: dict[str, Any], ramp: Ramp) -> HttpResponse:
    """Show the form of a draft, foretell what is typed, and keep it when told to.

    Raises:
        Conflict: ``ramp.state``, the ramp is no draft any more.
        NotFound, PolicyDenied: the reader may not edit it.
    """
    if request.method != "POST":
        check_state(ramp, RampEvent.What.EDITED)
        return _form_page(request, shell, form_of(ramp), ramp=ramp)
    # A draft stays that of its prompt.
    form = replace(Form.of(request.POST), prompt=ramp.prompt.path)
    do = request.POST.get("do", "")
    if do != "draft":
        return _looked(request, shell, form.changed(do), ramp=ramp)
    try:
        context = context_in(request, ramp.prompt.team.slug)
        edit(context, ramp.pk, form.plan(), reason=form.reason, revision=form.seen_revision or None)
    except PlaygroundError as error:
        if error.code == "ramp.edited-meanwhile":
            # Who has read this and saves again means to.
            form = replace(form, revision=str(error.extra.get("revision", "")))
        return _form_page(request, shell, form, ramp=ramp, error=error)
    messages.success(request, "Kept. Nobody gets the candidate yet.")
    return redirect("admin:prompts_ramp_change", ramp.pk)


def suggest(request: HttpRequest) -> HttpResponse:
    """Show the first prompts that are called like what was typed."""
    prompts = rampable(_reader(request), request.GET.get("prompt", ""))[:SUGGESTED]
    return render(request, "prompts/ramp/prompts.html", {"prompts": prompts})


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
    request: HttpRequest,
    shell: dict[str, Any],
    form: Form,
    *,
    do: str,
) -> HttpResponse:
    try:
        plan = form.plan()
        context = context_in(request, form.prompt.partition("/")[0])
        if do != "draft" and request.POST.get("seal") != seal(form.prompt, plan):
            then = f"Look at what this plan would do, then {do}."
            raise InvalidInput("ramp.not-simulated", then)
        reason = form.reason
        if do != "draft":
            # Before the draft is kept, so that the form comes back with all that was typed.
            require_reason(reason)
        ramp = draft(context, form.prompt, plan, reason=reason)
    except PlaygroundError as error:
        return _form_page(request, shell, form, error=error)
    try:
        if do == "start":
            start(context, ramp.pk, reason=reason)
            messages.success(request, f"Started with {plan.stages[0].percent:g} %.")
        elif do == "propose":
            propose(context, ramp.pk, reason=reason)
            messages.success(request, "Proposed. Nobody gets the candidate before it is approved.")
        else:
            messages.success(request, "Kept as a draft. Nobody gets the candidate yet.")
    except PlaygroundError as error:
        done = "started" if do == "start" else "proposed"
        messages.error(request, f"Kept as a draft, not {done}: {error.detail}")
    return redirect("admin:prompts_ramp_change", ramp.pk)


def _looked(
    request: HttpRequest, shell: dict[str, Any], form: Form, *, ramp: Ramp | None = None
) -> HttpResponse:
    user = _reader(request)
    part = "simulation" if request.headers.get("HX-Target") == "simulation" else "planning"
    chooses = ramp is None and part == "planning"
    form = completed(user, chosen(user, form) if chooses else form)
    if request.headers.get("HX-Request"):
        shown = _shown(user, form, ramp=ramp)
        return render(request, f"prompts/ramp/{part}.html", shown)
    return _form_page(request, shell, form, ramp=ramp)


def _form_page(
    request: HttpRequest,
    shell: dict[str, Any],
    form: Form,
    *,
    ramp: Ramp | None = None,
    error: PlaygroundError | None = None,
) -> HttpResponse:
    shown = shell | _shown(_reader(request), form, ramp=ramp, error=error)
    status = error.status if error else 200
    return render(request, "prompts/ramp/plan.html", shown, status=status)


def _shown(
    user: User,
    form: Form,
    *,
    ramp: Ramp | None = None,
    error: PlaygroundError | None = None,
) -> dict[str, Any]:
    choices = choices_for(user, form)
    shown: dict[str, Any] = {
        "form": form,
        "choices": choices,
        "error": error,
        "faults": {},
        "edited": ramp,
        "here": reverse("admin:prompts_ramp_edit", args=[ramp.pk])
        if ramp
        else reverse("admin:prompts_ramp_add"),
    }
    if choices.prompt is None:
        shown["faults"] = {"prompt": "choose one that can be ramped"} if form.prompt else {}
        return shown
    context = user.context(team=choices.prompt.team.slug)
    try:
        plan = form.plan()
        shown["foretold"] = foretold(
            context,
            form.prompt,
            plan,
            keys=form.keys,
            days=form.looked_back,
            effects=form.effects(),
        )
        shown["seal"] = seal(form.prompt, plan)
    except InvalidInput as fault:
        shown["faults"] = faults_of(fault)
    except PlaygroundError as fault:
        shown["faults"] = {"": fault.detail}
    return shown


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
