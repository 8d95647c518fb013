"""The pages of prompts: the list, one prompt with its versions and labels, two compared."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from playground.core.errors import PlaygroundError
from playground.core.numbering import whole_number
from playground.policy.requests import TeamRequest
from playground.prompts.comparing import Section, compare, fold, texts_of
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind
from playground.prompts.depending import Bumped, bump_dependents
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.held.revising import revisions
from playground.prompts.held.telling import processes_holding
from playground.prompts.listing import Wanted
from playground.prompts.models import PromptVersion
from playground.prompts.pages import acting, browsing, showing

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
def prompt_list(request: TeamRequest) -> HttpResponse:
    """Show the prompts that the team may use."""
    asked = request.GET
    kind = asked.get("kind", "")
    wanted = Wanted(
        q=asked.get("q", "")[:100],
        kind=kind if kind in list(PromptKind) else "",
        label=asked.get("label", "")[:40],
        archived=asked.get("archived") == "1",
    )
    shown = {
        "page": browsing.browse(request.context, wanted, cursor=asked.get("cursor")),
        "filters": wanted,
        "kinds": list(PromptKind),
        "may_create": showing.may_create(request.context),
    }
    template = "prompts/list.html#results" if request.htmx else "prompts/list.html"
    return render(request, template, shown)


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


@require_POST
def act_on_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Do what a button of the page asks for, and say what came of it."""
    form = {key: value for key, value in request.POST.items() if isinstance(value, str)}
    try:
        said = acting.act(request.context, f"{team}/{name}", form)
    except PlaygroundError as error:
        if error.status in (403, 404) and error.code in ("policy.denied", "prompt.not-found"):
            raise
        messages.error(request, error.detail)
    else:
        messages.success(request, said)
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


@require_safe
def bump_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what would become of the prompts that include a fragment."""
    path = f"{team}/{name}"
    prompt = find_prompt(request.context, path, audit=False)
    version = version_of(prompt, version=whole_number(request.GET.get("version", "")))
    results: list[Bumped] = []
    if prompt.kind == PromptKind.FRAGMENT:
        results = bump_dependents(request.context, path, version=version.number, dry_run=True)
    shown = {
        "prompt": prompt,
        "version": version,
        "results": results,
        "count": sum(each.outcome == "bumped" for each in results),
    }
    return render(request, "prompts/bump.html", shown)


def _sections(old: PromptVersion, new: PromptVersion, fragments: bool) -> list[Section]:
    sections = compare(
        old.content,
        new.content,
        old_fragments=texts_of(includes_of(old)) if fragments else None,
        new_fragments=texts_of(includes_of(new)) if fragments else None,
    )
    return fold(sections)
