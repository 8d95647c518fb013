"""Bring what includes a fragment up to date: choose, see each diff, and what became of each."""

from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from playground.core.numbering import whole_number
from playground.policy.deciding import decide
from playground.policy.requests import TeamRequest
from playground.prompts.bumping import Bumped, Candidate, Plan, bump_dependents, plan
from playground.prompts.pages.addressing import address

PAGE = 100
STATES = {
    "behind": "To bump",
    "pinned": "Pinned in the text",
    "waits": "Waits for another",
    "archived": "Archived",
    "current": "Up to date",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt of the list; ``result`` is what a bump did to it just now."""

    candidate: Candidate
    may_edit: bool
    result: Bumped | None

    @property
    def to_bump(self) -> bool:
        """Tell whether it can be chosen."""
        done = self.result is not None and self.result.outcome == "bumped"
        return self.candidate.state == "behind" and self.may_edit and not done


@require_http_methods(["GET", "HEAD", "POST"])
def bump_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what includes a fragment; a POST bumps the chosen ones.

    To htmx a POST answers what became of each prompt alone.
    """
    path, number = f"{team}/{name}", whole_number(request.GET.get("version", ""))
    results: dict[str, Bumped] = {}
    if request.method == "POST":
        number = whole_number(request.POST.get("version", ""))
        chosen = request.POST.getlist("prompt")[:PAGE]
        bumps = bump_dependents(
            request.context, path, version=number, prompts=chosen, dry_run=False
        )
        if request.htmx:
            return render(request, "prompts/bump_result.html", {"results": bumps.items})
        results = {each.path: each for each in bumps.items}
        _say(request, bumps.items)
    planned = plan(request.context, path, version=number)
    template = "prompts/bump.html"
    if request.htmx:
        rows = request.GET.get("rows")
        template = "prompts/bump_rows.html" if rows else "prompts/bump.html#results"
    return render(request, template, _shown(request, planned, results))


@require_safe
def bump_diff(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what a bump would change in one prompt, which tries it and takes it back."""
    bumps = bump_dependents(
        request.context,
        f"{team}/{name}",
        version=whole_number(request.GET.get("version", "")),
        prompts=[request.GET.get("prompt", "")],
    )
    return render(request, "prompts/bump_diff.html", {"results": bumps.items})


def _shown(request: TeamRequest, planned: Plan, results: dict[str, Bumped]) -> dict[str, object]:
    query, state = request.GET.get("q", "")[:100].strip(), request.GET.get("state", "")
    state = state if state in STATES else ""
    found = [
        each
        for each in planned.candidates
        if query.lower() in f"{each.prompt.path} {each.prompt.title}".lower()
        and state in ("", each.state)
    ]
    start = min(whole_number(request.GET.get("after", "")) or 0, len(found))
    end = start + PAGE
    may = {
        each.prompt.pk: decide(
            request.context, "edit", each.prompt.resource(request.context), audit=False
        ).allowed
        for each in found[start:end]
    }
    rows = [
        Row(each, may[each.prompt.pk], results.get(each.prompt.path)) for each in found[start:end]
    ]
    return {
        "prompt": planned.fragment,
        "version": planned.target,
        "rows": rows,
        "total": len(found),
        "all": len(planned.candidates),
        "others": planned.others,
        "counts": Counter(each.state for each in planned.candidates),
        "to_bump": sum(row.to_bump for row in rows),
        "query": query,
        "state": state,
        "states": STATES.items(),
        "next_url": address(request, after=str(end)) if len(found) > end else "",
    }


def _say(request: TeamRequest, results: list[Bumped]) -> None:
    made = sum(each.outcome == "bumped" for each in results)
    other = len(results) - made
    if made:
        messages.success(request, f"{made} new version{'s' if made > 1 else ''}.")
    if other:
        messages.error(request, f"{other} could not be bumped; each says why.")
    if not results:
        messages.success(request, "Nothing had to be bumped.")
