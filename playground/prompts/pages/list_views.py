"""The lists of prompts, of one prompt's versions, and of proposed moves of labels."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from playground.policy.deciding import decide
from playground.policy.requests import TeamRequest
from playground.prompts.content import PromptKind
from playground.prompts.finding import find_prompt
from playground.prompts.listing import SORTS, Sort, Wanted, versions_like, versions_page
from playground.prompts.models import LabelProposal, PromptVersion
from playground.prompts.pages import browsing, showing
from playground.prompts.pages.addressing import address, headings
from playground.prompts.proposed import WantedProposals, proposals, proposals_like

_PROMPT_COLUMNS = (
    ("Prompt", "name", ""),
    ("Labels", "", ""),
    ("Version", "-version", "num hide-narrow"),
    ("Last change", "-changed", "hide-narrow"),
    ("Used by", "", "num hide-narrow"),
)


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version of the list, and by whom."""

    version: PromptVersion
    by: str


@dataclass(frozen=True, slots=True)
class ListedProposal:
    """A proposal of the list, by and decided by whom, and whether it is one's own."""

    proposal: LabelProposal
    by: str
    decided_by: str
    own: bool


@require_safe
def prompt_list(request: TeamRequest) -> HttpResponse:
    """Show the prompts that the team may use."""
    asked = request.GET
    kind, sort = asked.get("kind", ""), asked.get("sort", "")
    wanted = Wanted(
        q=asked.get("q", "")[:100],
        kind=kind if kind in list(PromptKind) else "",
        label=asked.get("label", "")[:40],
        archived=asked.get("archived") == "1",
    )
    order: Sort = sort if sort in SORTS else "name"
    page = browsing.browse(request.context, wanted, sort=order, cursor=asked.get("cursor"))
    shown = {
        "page": page,
        "filters": wanted,
        "sort": order,
        "headings": headings(request, order, _PROMPT_COLUMNS),
        "next_url": address(request, cursor=page.next) if page.next else "",
        "first_url": address(request, cursor=None) if asked.get("cursor") else "",
        "kinds": list(PromptKind),
        "may_create": showing.may_create(request.context),
    }
    return render(request, _template(request, "list"), shown)


@require_safe
def version_list(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show the versions of a prompt, newest first."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    query, cursor = request.GET.get("q", "")[:100].strip(), request.GET.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 10 else None
    page = versions_page(prompt, q=query, before=before)
    names = browsing.names_of({each.author for each in page.items})
    shown = {
        "prompt": prompt,
        "items": [ListedVersion(each, names[each.author]) for each in page.items],
        "query": query,
        "total": versions_like(prompt, query).count(),
        "all": prompt.versions.count(),
        "next_url": address(request, cursor=page.next) if page.next else "",
        "first_url": address(request, cursor=None) if cursor else "",
    }
    return render(request, _template(request, "versions"), shown)


@require_safe
def proposal_list(request: TeamRequest) -> HttpResponse:
    """Show the moves of labels that the team proposed, ramps too, those that wait first."""
    context, asked = request.context, request.GET
    status = asked.get("status", "")
    wanted = WantedProposals(
        q=asked.get("q", "")[:100].strip(),
        status=status if status in LabelProposal.Status.values else "",
        label=asked.get("label", "")[:40],
    )
    cursor = asked.get("cursor") or None
    page = proposals(context, wanted=wanted, cursor=cursor)
    found = page.items
    every = proposals_like(context, WantedProposals())
    people = {each.proposed_by for each in found} | {each.decided_by for each in found}
    names = browsing.names_of(people - {""})
    some = found[0].prompt.resource(context) if found else None
    shown = {
        "items": [
            ListedProposal(
                each,
                names[each.proposed_by],
                names.get(each.decided_by, ""),
                each.is_own(context),
            )
            for each in found
        ],
        "filters": wanted,
        "statuses": LabelProposal.Status.choices,
        "labels": sorted(set(every.order_by().values_list("label", flat=True))),
        "next_url": address(request, cursor=page.next) if page.next else "",
        "first_url": address(request, cursor=None) if cursor else "",
        "total": proposals_like(context, wanted).count(),
        "all": every.count(),
        "may_review": some is not None and decide(context, "approve", some, audit=False).allowed,
    }
    template = "prompts/proposals.html"
    return render(request, f"{template}#results" if request.htmx else template, shown)


def _template(request: TeamRequest, name: str) -> str:
    """Name what answers: the page, its list after a filter, or further rows."""
    if request.htmx and request.GET.get("rows"):
        return f"prompts/{name}_rows.html"
    return f"prompts/{name}.html#results" if request.htmx else f"prompts/{name}.html"
