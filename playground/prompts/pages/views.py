"""The pages of one prompt: its versions and labels, two compared, what its buttons do."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from playground.core.errors import NotFound, PlaygroundError
from playground.core.numbering import whole_number
from playground.policy.requests import TeamRequest
from playground.prompts.comparing import Section, compare, fold, texts_of
from playground.prompts.composing import includes_of
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.held.revising import revisions
from playground.prompts.held.telling import processes_holding
from playground.prompts.models import PromptVersion
from playground.prompts.pages import acting, showing
from playground.prompts.proposed import find_proposal
from playground.prompts.ramps.ramping import find_ramp
from playground.prompts.ramps.reviewing import review_of

VIEWS = ("side", "unified")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and what differs; ``view`` is ``side`` or ``unified``."""

    old: PromptVersion
    new: PromptVersion
    view: str
    fragments: bool
    sections: list[Section]

    @property
    def changed(self) -> list[Section]:
        """Return the sections that are not alike."""
        return [each for each in self.sections if each.change != "same"]

    @property
    def alike(self) -> list[str]:
        """Return the titles of those that are."""
        return [each.title for each in self.sections if each.change == "same"]


@require_safe
def prompt_page(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show a prompt at one of its versions."""
    asked = request.GET.get("version", "")
    page = showing.page_of(request.context, f"{team}/{name}", version=whole_number(asked))
    return render(request, "prompts/prompt.html", {"page": page, "prompt": page.prompt})


@require_safe
def prompt_processes(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show which process holds which version of a prompt in memory."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    shown = {
        "revision": revisions([prompt.pk]).get(prompt.pk),
        "holdings": processes_holding(prompt.pk),
        "prompt": prompt,
    }
    return render(request, "prompts/processes.html", shown)


@require_safe
def proposed_ramp(request: TeamRequest, team: str, name: str, proposal_id: str) -> HttpResponse:
    """Show the plan of a ramp that is proposed, and what it would do now."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    proposal = find_proposal(request.context, proposal_id)
    if proposal.prompt_id != prompt.pk or proposal.ramp_id is None:
        raise NotFound("prompt.proposal-not-found", "There is no such proposal.")
    review = review_of(request.context, find_ramp(request.context, proposal.ramp_id))
    return render(request, "prompts/ramp/review.html", {"review": review})


@require_POST
def act_on_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Do what a button of the page asks for, and say what came of it."""
    form = {key: value for key, value in request.POST.items() if isinstance(value, str)}
    try:
        said = acting.act(request.context, f"{team}/{name}", form)
    except PlaygroundError as error:
        if error.status in (403, 404) and error.code in ("policy.denied", "prompt.not-found"):
            raise
        messages.error(request, _with_rule(error))
    else:
        messages.success(request, said)
    if form.get("back") == "proposals":
        return redirect("proposals")
    number = whole_number(form.get("show", ""))
    page = reverse("prompt", args=[team, name])
    return redirect(f"{page}?version={number}" if number else page)


@require_safe
def compare_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what differs between two versions."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    asked = request.GET
    new = version_of(prompt, version=whole_number(asked.get("to", "")))
    old = version_of(prompt, version=whole_number(asked.get("from", "")) or max(new.number - 1, 1))
    view = asked.get("view", "")
    with_fragments = asked.get("fragments", "1") == "1"
    comparison = Comparison(
        old,
        new,
        view if view in VIEWS else "side",
        with_fragments,
        _sections(old, new, with_fragments),
    )
    versions = list(prompt.versions.order_by("-number").only("number", "note", "prompt"))
    shown = {"prompt": prompt, "comparison": comparison, "versions": versions}
    template = "prompts/compare.html#comparison" if request.htmx else "prompts/compare.html"
    return render(request, template, shown)


def _with_rule(error: PlaygroundError) -> str:
    rule = error.extra.get("rule")
    if rule is None:
        return error.detail
    return format_html('{} <a href="{}">The rule</a>', error.detail, rule)


def _sections(old: PromptVersion, new: PromptVersion, fragments: bool) -> list[Section]:
    sections = compare(
        old.content,
        new.content,
        old_fragments=texts_of(includes_of(old)) if fragments else None,
        new_fragments=texts_of(includes_of(new)) if fragments else None,
    )
    return fold(sections)
