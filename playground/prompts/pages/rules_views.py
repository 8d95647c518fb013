"""The page of a team's rules about labels: what holds, who may move, who meets what."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy.deciding import decide
from playground.policy.people import names_of
from playground.policy.requests import TeamRequest
from playground.prompts import protecting
from playground.prompts.models import Prompt
from playground.prompts.pages.browsing import fragments_for
from playground.prompts.ruling import Demand, Movers, Protection, demands, movers, protections


@dataclass(frozen=True, slots=True)
class RulesPage:
    """Everything that the page shows; ``names`` are of people, by their URNs."""

    protections: list[Protection]
    demands: list[Demand]
    movers: Movers
    names: dict[str, str]
    fragments: list[Prompt]
    may_administer: bool
    typed: dict[str, str] = field(default_factory=dict)
    failure: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: TeamRequest) -> HttpResponse:
    """Show the team's rules; a POST sets one or takes one away."""
    if request.method != "POST":
        return render(request, "prompts/rules.html", {"page": page_of(request.context)})
    try:
        messages.success(request, change(request.context, request.POST))
    except (InvalidInput, NotFound) as error:
        typed = {key: value for key, value in request.POST.items() if isinstance(value, str)}
        page = page_of(request.context, typed=typed, failure=error.detail)
        return render(request, "prompts/rules.html", {"page": page}, status=error.status)
    return redirect("prompt-rules")


def page_of(
    context: RequestContext, *, typed: dict[str, str] | None = None, failure: str = ""
) -> RulesPage:
    """Gather what the page shows, with what was typed where that was refused."""
    protected, demanded, people = protections(context), demands(context), movers(context)
    named = {each.set_by for each in protected} | {each.rule.set_by for each in demanded}
    may = decide(context, "administer", protecting.rules_of(context), audit=False).allowed
    return RulesPage(
        protections=protected,
        demands=demanded,
        movers=people,
        names=names_of({*named, *people.reviewers, *people.proposers} - {""}),
        fragments=fragments_for(context) if may else [],
        may_administer=may,
        typed=typed or {},
        failure=failure,
    )


def change(context: RequestContext, form: QueryDict) -> str:
    """Call the verb that ``do`` names; return what happened, for the person.

    Raises:
        InvalidInput: ``prompt.reason-missing``, ``prompt.action-unknown``, or what the verb raises.
    """
    label, fragment = (form.get(name, "").strip() for name in ("label", "fragment"))
    reason = form.get("reason", "").strip()
    if not reason:
        raise InvalidInput("prompt.reason-missing", "Say why: your team reads it here later.")
    match form.get("do"):
        case "protect" | "free" as what:
            protecting.set_protected(
                context, label=label, protected=what == "protect", reason=reason
            )
            if what == "protect":
                return f"Moving “{label}” takes a reviewer now."
            return f"Whoever may edit a prompt moves “{label}” now."
        case "require":
            rule = protecting.require_fragment(
                context, label=label, fragment=fragment, reason=reason
            )
            return f"“{label}” goes only to versions that include {rule.fragment.path} now."
        case "drop":
            protecting.drop_requirement(context, label=label, fragment=fragment, reason=reason)
            return f"“{label}” goes to versions without {fragment} again."
    raise InvalidInput("prompt.action-unknown", "There is no such thing to do with a rule.")
