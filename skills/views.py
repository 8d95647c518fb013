"""The pages of skills: the list with its search, and one skill to try."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from playground.core import forms
from playground.core.canonical import canonical_json
from playground.core.context import RequestContext
from playground.core.forms import FormField
from playground.policy.deciding import decide
from playground.policy.requests import TeamRequest
from playground.prompts.models import Prompt
from playground.tracing.models import Span, Trace
from skills import registry, searching
from skills.api import raise_refusal, viewed
from skills.declaring import Skill
from skills.invoking import SkillOutcome, invoke
from skills.prompting import prompts_of

RECENT_CALLS = 8
RECENT_TRACES = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the skill; ``ms`` is None while it runs."""

    trace_id: str
    status: str
    started_at: dt.datetime
    ms: float | None


@dataclass(frozen=True, slots=True)
class SkillPage:
    """What the page of one skill shows."""

    skill: Skill
    fields: list[FormField]
    outputs: list[FormField]
    curl: str
    calls: list[Call]
    may_invoke: bool
    prompts: list[Prompt]
    outcome: SkillOutcome | None = None


@require_safe
def skill_list(request: TeamRequest) -> HttpResponse:
    """Show the skills of the team, or those that fit a search."""
    query = request.GET.get("q", "")[: searching.MAX_QUERY_CHARS]
    context = {
        "skills": searching.search(request.context, query),
        "total": len(registry.visible_to(request.context)),
        "q": query,
    }
    # The list and its search are one template: a keystroke swaps the part that changes.
    template = "skills/list.html#results" if _is_htmx(request) else "skills/list.html"
    return render(request, template, context)


@require_safe
def skill_page(request: TeamRequest, name: str) -> HttpResponse:
    """Show one skill."""
    page = _page(request, viewed(request, name))
    return render(request, "skills/skill.html", {"page": page})


@require_POST
def try_skill(request: TeamRequest, name: str) -> HttpResponse:
    """Invoke a skill with what was typed into its form."""
    skill = viewed(request, name)
    typed = {key: value for key, value in request.POST.items() if isinstance(value, str)}
    arguments = forms.arguments(skill.input_schema, typed)
    outcome = invoke(request.context, skill.name, arguments)
    if outcome.error_code == "policy.denied":
        raise_refusal(outcome)
    page = _page(request, skill, typed=typed, outcome=outcome)
    status = 422 if outcome.errors and not _is_htmx(request) else 200
    template = "skills/skill.html#try" if _is_htmx(request) else "skills/skill.html"
    return render(request, template, {"page": page}, status=status)


def _page(
    request: TeamRequest,
    skill: Skill,
    *,
    typed: dict[str, str] | None = None,
    outcome: SkillOutcome | None = None,
) -> SkillPage:
    context = request.context
    mistakes = outcome.errors if outcome else ()
    wrong = {each["field"].split(".")[0]: each["message"] for each in mistakes}
    output = skill.output_schema
    return SkillPage(
        skill=skill,
        fields=forms.fields(skill.input_schema, typed=typed, errors=wrong),
        outputs=forms.fields(output) if "properties" in output else [],
        curl=_curl(skill),
        calls=_recent_calls(context, skill),
        may_invoke=decide(context, "invoke", skill.resource(), audit=False).allowed,
        prompts=prompts_of(context, skill),
        outcome=outcome,
    )


def _recent_calls(context: RequestContext, skill: Skill) -> list[Call]:
    """Return the last calls among the team's latest traces: both queries go by an index."""
    latest = Trace.objects.visible_to(context).order_by("-started_at", "-id")[:RECENT_TRACES]
    spans = Span.objects.filter(trace__in=latest.values("pk"), name=skill.name)
    spans = spans.filter(kind=skill.kind.value).order_by("-started_at")[:RECENT_CALLS]
    rows = spans.values_list("trace_id", "status", "started_at", "ended_at")
    return [
        Call(trace_id, status, began, (ended - began).total_seconds() * 1000 if ended else None)
        for trace_id, status, began, ended in rows
    ]


def _curl(skill: Skill) -> str:
    sample = {
        name: _example(skill.input_schema["properties"][name])
        for name in skill.input_schema.get("required", [])
    }
    body = canonical_json({"arguments": sample}).decode().replace("'", "'\\''")
    return (
        f"curl -X POST {settings.PLAYGROUND_PUBLIC_URL}/api/skills/{skill.name}/invoke \\\n"
        "  -H 'Authorization: Bearer pg_…' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )


def _example(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    usual = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}
    return usual.get(schema.get("type", ""), "…")


def _is_htmx(request: TeamRequest) -> bool:
    return bool(request.htmx)
